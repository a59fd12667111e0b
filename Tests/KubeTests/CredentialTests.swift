import HTTP
import JSON
import KubeObjects
import Support
import TestSupport
import Testing

@testable import Kube

@Suite("Credentials")
struct CredentialTests {
    private struct Rotating: Authorization {
        let tokens: Locked<[String]>
        init(_ tokens: String...) { self.tokens = Locked(tokens) }
        func bearerToken() -> Sensitive? { tokens.withLock { $0.first.map { Sensitive($0) } } }
        func rejected() { tokens.withLock { if $0.count > 1 { $0.removeFirst() } } }
    }
    private struct Unreadable: Authorization {
        func bearerToken() throws(CredentialsFailure) -> Sensitive? {
            throw CredentialsFailure("/token: can't be opened")
        }
        func rejected() {}
    }

    private static let version = ScriptedTransport.Reply.json(["gitVersion": "v1.36.2"])
    private static let refusal = ScriptedTransport.Reply.text("Unauthorized", status: 401)

    @Test("After a 401 the request is repeated once, with credentials that changed")
    func rotated() async throws {
        let transport = ScriptedTransport(Self.refusal, Self.version)
        _ = try await client(transport, authorization: Rotating("old", "new")).version()
        #expect(transport.requests.map(\.bearerToken) == [Sensitive("old"), Sensitive("new")])
    }

    @Test("After a 401 with the same credentials as before, nothing is repeated")
    func unchanged() async throws {
        let transport = ScriptedTransport(Self.refusal, Self.version)
        let error = try await failure { try await client(transport, authorization: Rotating("old")).version() }
        #expect(error.isUnauthorized)
        #expect(transport.requests.count == 1)
    }

    @Test("A second 401 is final, and a watch is treated the same")
    func twice() async throws {
        let transport = ScriptedTransport(Self.refusal, Self.refusal, Self.refusal, .stream(pieces: []))
        let client = client(transport, authorization: Rotating("a", "b", "c"))
        #expect(try await failure { try await client.version() }.isUnauthorized)
        #expect(transport.requests.count == 2)
        _ = try await client.listWatch(Namespace.self).watch(from: "1")
        #expect(transport.requests.last?.bearerToken == Sensitive("c"))
    }

    @Test("Credentials that can't be read stop the request before it is sent")
    func unreadable() async throws {
        let transport = ScriptedTransport(Self.version)
        let error = try await failure { try await client(transport, authorization: Unreadable()).version() }
        #expect(error.description == "get /version: /token: can't be opened")
        #expect(transport.requests.isEmpty)
    }

    // MARK: A server that repeats the token

    private static let token = "eyJhbGciOiJSUzI1NiJ9.c3F1YWRyb24tdG9rZW4.c2lnbmF0dXJl"

    private func holder(_ transport: ScriptedTransport) -> KubeClient {
        client(transport, authorization: StaticToken(Sensitive(Self.token)))
    }

    /// Those parts of the token, long enough to be of use, that are in a text.
    private func pieces(in text: String) -> [String] {
        let token = Array(Self.token)
        return (0...token.count - 16).map { String(token[$0..<$0 + 16]) }.filter { text.contains($0) }
    }

    @Test(
        "A token that a refusal repeats is in no error, escaped or plain", arguments: [401, 500])
    func repeatedInRefusal(code: Int) async throws {
        let text = "the token \(Self.token) is not known, not \(Self.token)"
        let status: JSON = [
            "kind": "Status", "status": "Failure", "reason": .string(Self.token), "message": .string(text),
            "details": ["causes": [["reason": .string(Self.token), "message": .string(text), "field": "f"]]],
        ]
        let escaped =
            #"{"kind":"Status","status":"Failure","message":"the token \u0065\#(Self.token.dropFirst()) is not known"}"#
        let replies: [ScriptedTransport.Reply] = [
            .json(status, status: code), .text(escaped, status: code), .text("<p>\(text)", status: code),
        ]
        for reply in replies {
            let client = holder(ScriptedTransport { _ in reply })
            let errors = try await [
                failure { try await client.version() },
                failure { try await client.list(Namespace.self, of: KubeCollection(Namespace.resourceType)) },
                failure { try await client.get(Secret.self, namespace: "flyte", name: "s") },
                failure { try await client.listWatch(Namespace.self).watch(from: "1") },
            ]
            for error in errors {
                #expect(error.status?.code == code)
                #expect(error.description.contains("the token <redacted> is not known"))
                let causes = error.status?.causes ?? []
                #expect(pieces(in: "\(error) \(causes)") == [])
            }
        }
    }

    @Test("The error of a watch's ERROR event does not have the token either")
    func repeatedInWatch() async throws {
        let message = JSON.string("not for \(Self.token)")
        let event: JSON = [
            "type": "ERROR", "object": ["kind": "Status", "status": "Failure", "code": 500, "message": message],
        ]
        let client = holder(ScriptedTransport(.stream(pieces: [event.serialized() + [10]])))
        let stream = try await client.listWatch(Namespace.self).watch(from: "1")
        let error = try await failure {
            var count = 0
            for try await _ in stream { count += 1 }
            return count
        }
        #expect(error.status?.message == "not for <redacted>")
    }

    @Test("A success that repeats the token is refused, and its error lacks the token")
    func repeatedInSuccess() async throws {
        let review: JSON = [
            "kind": "SelfSubjectReview", "status": ["userInfo": ["username": .string("user \(Self.token)")]],
        ]
        let object: JSON = ["kind": "Namespace", "metadata": ["name": "a", "annotations": ["a": .string(Self.token)]]]
        let client = holder(
            ScriptedTransport(
                .json(review), .text("<p>\(Self.token)"), .json(["gitVersion": .string(Self.token)]), .json(object),
                .json(object), .text("ok \(Self.token)")))
        let errors = try await [
            failure { try await client.review(SelfSubjectReview.resourceType, SelfSubjectReview.request) },
            failure { try await client.version() },
            failure { try await client.version() },
            failure { try await client.get(Namespace.self, name: "a") },
            failure {
                try await client.apply(
                    object, type: Namespace.resourceType, name: "a", fieldManager: "m", force: false)
            },
            failure { try await client.text("/readyz") },
        ]
        for error in errors {
            #expect(error.isUnexpectedAnswer)
            #expect(error.detail == "the answer repeats the token")
        }
    }

    @Test("Secrets and lists may hold the token, and a token like a short word is ignored")
    func heldRightly() async throws {
        let note = JSON.string(Self.token)
        let secret: JSON = [
            "kind": "Secret", "metadata": ["name": "s", "resourceVersion": "5", "annotations": ["note": note]],
        ]
        let list: JSON = [
            "kind": "NamespaceList", "metadata": ["resourceVersion": "5"],
            "items": [["metadata": ["name": "a", "annotations": ["note": note]]]],
        ]
        let event: JSON = ["type": "ADDED", "object": secret]
        let reader = holder(
            ScriptedTransport(
                .json(secret), .json(secret), .json(list), .stream(pieces: [event.serialized() + [10]]),
                .text("<p>\(Self.token)")))
        let read = try await reader.get(Secret.self, namespace: "flyte", name: "s")
        #expect(read.metadata.annotations?["note"] == Self.token)
        try await reader.apply(
            secret, type: Secret.resourceType, namespace: "flyte", name: "s", fieldManager: "m", force: false)
        let collection = KubeCollection(Namespace.resourceType)
        let page = try await reader.list(Namespace.self, of: collection)
        #expect(page.items.count == 1)
        var events = try await reader.listWatch(Secret.self, namespace: "flyte").watch(from: "1").makeAsyncIterator()
        let next = try await events.next()
        #expect(next != nil)
        // A list that can't be read shows what came.
        let error = try await failure { try await reader.list(Namespace.self, of: collection) }
        #expect(error.detail.hasSuffix(": <p><redacted>"))
        let short = client(ScriptedTransport(Self.version), authorization: StaticToken(Sensitive("v1.36")))
        let version = try await short.version().gitVersion
        #expect(version == "v1.36.2")
    }

    @Test("The token is found wherever it stands, and only it is taken out")
    func redaction() {
        let token = Sensitive(Self.token)
        func redacted(_ text: String) -> String { String(decoding: Array(text.utf8).redacting(token), as: UTF8.self) }
        #expect(redacted(Self.token) == "<redacted>")
        #expect(redacted("eyJ\(Self.token)e\(Self.token)") == "eyJ<redacted>e<redacted>")
        #expect(redacted("\(Self.token)\(Self.token)é") == "<redacted><redacted>é")
        for text in ["", "e", String(Self.token.dropFirst()), String(Self.token.dropLast())] {
            #expect(redacted(text) == text)
        }
        let short = Array("a word".utf8)
        #expect(short.redacting(Sensitive("word")) == short)
        #expect(short.redacting(Sensitive("")) == short)
    }

    // MARK: Token files

    @Test("A token file is read again after a minute, or at once after a 401")
    func tokenFile() throws {
        let folder = try TemporaryFolder()
        let clock = TestClock()
        try folder.write("token", " one\n")
        let file = TokenFile(path: "\(folder.path)/token", clock: clock)
        #expect(try file.bearerToken() == Sensitive("one"))
        try folder.write("token", "two")
        clock.advance(by: .seconds(59))
        #expect(try file.bearerToken() == Sensitive("one"))
        clock.advance(by: .seconds(1))
        #expect(try file.bearerToken() == Sensitive("two"))
        try folder.write("token", "three")
        file.rejected()
        #expect(try file.bearerToken() == Sensitive("three"))
    }

    @Test("A broken token file leaves the last good token in use; with none it is an error")
    func brokenTokenFile() throws {
        let folder = try TemporaryFolder()
        let clock = TestClock()
        let file = TokenFile(path: "\(folder.path)/token", clock: clock)
        let failure = #expect(throws: CredentialsFailure.self) { try file.bearerToken() }
        #expect(failure?.message == "\(folder.path)/token: can't be opened: No such file or directory")
        for bad in ["", " \n", "two words", "line\nbreak", "caf\u{E9}"] {
            try folder.write("token", bad)
            let failure = #expect(throws: CredentialsFailure.self) { try file.bearerToken() }
            #expect(failure?.message.contains("two words") == false)
        }
        try folder.write("token", "good")
        #expect(try file.bearerToken() == Sensitive("good"))
        try folder.write("token", "")
        clock.advance(by: .seconds(61))
        #expect(try file.bearerToken() == Sensitive("good"))
        try folder.write("token", "fresh")
        file.rejected()
        #expect(try file.bearerToken() == Sensitive("fresh"))
    }
}
