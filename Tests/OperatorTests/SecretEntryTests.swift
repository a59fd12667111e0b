import Fleet
import HTTP
import JSON
import Kube
import KubeObjects
import Support
import Testing
import TokenSources

@testable import Operator

/// The control plane's API server, with one Secret. It notes what is written.
private final class SecretServer: HTTPTransport {
    let written = Locked<[JSON]>([])
    private let metadata: JSON
    private let status: Int
    /// What a webhook says of the change.
    private let objection: (@Sendable (JSON) -> String)?

    init(_ metadata: JSON = [:], status: Int = 200, objection: (@Sendable (JSON) -> String)? = nil) {
        self.metadata = metadata
        self.status = status
        self.objection = objection
    }

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        var object: JSON = ["apiVersion": "v1", "kind": "Secret", "metadata": metadata]
        object[path: ["metadata", "name"]] = "squadron-credentials"
        object[path: ["metadata", "resourceVersion"]] = "7"
        object[path: ["data", "a_token"]] = .string(Base64.encode("old-token\n".utf8))
        guard request.method == .patch else {
            var response = HTTPResponse(status: 200)
            response.body = object.serialized()
            return response
        }
        if let body = request.body, let change = try? JSON(parsing: body) { written.withLock { $0.append(change) } }
        var response = HTTPResponse(status: status)
        object[path: ["kind"]] = "PartialObjectMetadata"
        if let objection, let change = written.withLock({ $0.last }) {
            object = [
                "apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "Invalid",
                "code": .int(Int64(status)), "message": .string(objection(change)),
            ]
        }
        response.body = object.serialized()
        return response
    }
    func open(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream {
        throw HTTPError(.closed, "no streams here", mayHaveBeenProcessed: false)
    }
    func close() {}
}

@Suite("Where a renewed token is written")
struct SecretEntryTests {
    private func entry(_ server: SecretServer, isPublished: Bool = false) -> SecretEntry {
        let client = KubeClient(
            server: "https://control-plane", transport: server, authorization: NoAuthorization(),
            options: .init(userAgent: "squadron-test"))
        return SecretEntry(
            client: client, namespace: "flyte", secret: "squadron-credentials", key: "a_token",
            isPublished: { isPublished })
    }

    private func problem(_ entry: SecretEntry, holding token: String = "old-token") async -> String {
        do throws(IssueFailure) {
            try await entry.write(Sensitive("new-token"), replacing: Sensitive(token))
            return ""
        } catch {
            return error.message
        }
    }

    private func managed(by manager: String, _ key: String = "f:a_token", in field: String = "f:data") -> JSON {
        var fields: JSON = [:]
        fields[path: [field, key]] = [:]
        return ["managedFields": [["manager": .string(manager), "operation": "Update", "fieldsV1": fields]]]
    }

    @Test("A key that nobody else keeps is written, for the version that was read")
    func written() async throws {
        for metadata in [[:], managed(by: "squadron"), managed(by: "helm", "f:other_token")] as [JSON] {
            let server = SecretServer(metadata)
            #expect(await problem(entry(server)) == "")
            let change = try #require(server.written.withLock { $0.first })
            #expect(change[path: ["metadata", "resourceVersion"]] == "7")
            #expect(change[path: ["data", "a_token"]] == .string(Base64.encode("new-token".utf8)))
        }
    }

    @Test("An entry that is read, managed, owned or changed by another is left alone")
    func leftAlone() async {
        let owner: JSON = [
            "ownerReferences": [["apiVersion": "v1", "kind": "ExternalSecret", "name": "vault", "uid": "u"]]
        ]
        let cases: [(JSON, isPublished: Bool, token: String, words: String)] = [
            ([:], true, "old-token", "flyteadmin reads it too"), (owner, false, "old-token", "ExternalSecret vault"),
            (managed(by: "helm"), false, "old-token", "the manager helm keeps it"),
            (managed(by: "flux", in: "f:stringData"), false, "old-token", "the manager flux keeps it"),
            ([:], false, "another", "has changed meanwhile"),
        ]
        for (metadata, isPublished, token, words) in cases {
            let server = SecretServer(metadata)
            let text = await problem(entry(server, isPublished: isPublished), holding: token)
            #expect(text.contains(words), "\(text)")
            #expect(server.written.withLock { $0.isEmpty })
        }
    }

    @Test("A webhook that repeats the change shows neither of the tokens")
    func repeated() async {
        let server = SecretServer(status: 422) { change in
            "denied: \(change.serializedString) would replace old-token by new-token"
        }
        let text = await problem(entry(server))
        #expect(text.contains("denied") && text.contains("would replace"), "\(text)")
        for secret in ["new-token", "old-token"] {
            #expect(!text.contains(secret) && !text.contains(Base64.encode(secret.utf8)), "\(text)")
        }
    }

    @Test("A conflict is reported without any part of the token")
    func conflict() async {
        let text = await problem(entry(SecretServer(status: 409)))
        #expect(!text.isEmpty && !text.contains("new-token"), "\(text)")
    }
}
