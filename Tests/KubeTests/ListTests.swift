import HTTP
import JSON
import KubeObjects
import Testing

@testable import Kube

@Suite("Lists")
struct ListTests {
    @Test("Pages follow one another by their token, as one state")
    func pages() async throws {
        let transport = ScriptedTransport(
            .response(HTTPResponse(status: 200, body: try fixture("namespaces-page1.json"))),
            .response(HTTPResponse(status: 200, body: try fixture("namespaces-page2.json"))))
        let listWatch = client(transport).listWatch(
            Namespace.self, labelSelector: "a in (b, c)", settings: WatchSettings(pageSize: 2))
        let first = try await listWatch.list(continueToken: nil)
        #expect(first.items.map(\.metadata.name) == ["default", "kube-node-lease"])
        #expect(first.resourceVersion == "791")
        let token = try #require(first.continueToken)
        let second = try await listWatch.list(continueToken: token)
        #expect(second.items.map(\.metadata.name) == ["kube-public", "kube-system"])
        #expect(
            transport.requests.map(target) == [
                "/api/v1/namespaces?labelSelector=a%20in%20%28b%2C%20c%29&limit=2",
                "/api/v1/namespaces?labelSelector=a%20in%20%28b%2C%20c%29&limit=2&continue=\(token)",
            ])
    }

    @Test("Metadata-only lists of a server are read as partial objects")
    func metadataOnly() async throws {
        let transport = ScriptedTransport(.response(HTTPResponse(status: 200, body: try fixture("metadata-list.json"))))
        let collection = KubeCollection(ServiceAccount.resourceType, metadataOnly: true)
        let items = try await client(transport).listAll(PartialObject.self, of: collection)
        #expect(items.contains { $0.metadata.key == ObjectKey(namespace: "project1-development", name: "robot") })
        #expect(
            transport.requests[0].headers["Accept"]
                == "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json")
    }

    @Test("A list without end is given up")
    func endless() async throws {
        let page: JSON = ["kind": "SecretList", "metadata": ["resourceVersion": "5", "continue": "on"], "items": []]
        let transport = ScriptedTransport(.json(page), .json(page), .json(page), .json(page))
        let error = try await failure {
            try await client(transport).listAll(
                Secret.self, of: KubeCollection(Secret.resourceType), maximumPages: 3)
        }
        #expect(error.description.hasSuffix("more than 3 pages: the list does not end"))
        #expect(transport.requests.count == 3)
    }

    @Test("An empty continue token ends the list, and an empty list is a list")
    func empty() async throws {
        let transport = ScriptedTransport(
            .json(["kind": "SecretList", "metadata": ["resourceVersion": "5", "continue": ""], "items": []]))
        let page = try await client(transport).listWatch(Secret.self, namespace: "flyte").list(continueToken: nil)
        #expect(page.items.isEmpty)
        #expect(page.continueToken == nil)
    }

    @Test("A list whose items are null is empty, as from a real API server for metadata")
    func nullItems() async throws {
        let transport = ScriptedTransport(
            .json(["kind": "PartialObjectMetadataList", "metadata": ["resourceVersion": "5"], "items": nil]))
        let page = try await client(transport).listWatch(Secret.self, namespace: "flyte").list(continueToken: nil)
        #expect(page.items.isEmpty)
    }

    @Test(
        "An answer that only looks like an empty list is an error",
        arguments: [
            #"{}"#, #"[]"#, #"null"#, "", #"<html></html>"#,
            #"{"kind":"SecretList","metadata":{"resourceVersion":"5"}}"#,
            #"{"kind":"SecretList","metadata":{"resourceVersion":"5"},"items":{}}"#,
            #"{"kind":"SecretList","metadata":{"resourceVersion":""},"items":[]}"#,
            #"{"kind":"SecretList","metadata":{},"items":[]}"#,
            #"{"kind":"SecretList","items":[]}"#,
            #"{"metadata":{"resourceVersion":"5"},"items":[]}"#,
            #"{"kind":"Status","metadata":{"resourceVersion":"5"},"items":[]}"#,
            #"{"kind":"SecretList","metadata":{"resourceVersion":"5"},"items":[{"metadata":{}}]}"#,
            #"{"kind":"SecretList","metadata":{"resourceVersion":"5"},"items":[null]}"#,
        ])
    func strict(body: String) async throws {
        let transport = ScriptedTransport(.text(body))
        let error = try await failure {
            try await client(transport).listWatch(Secret.self, namespace: "flyte").list(continueToken: nil)
        }
        guard case .unexpectedAnswer = error.cause else {
            Issue.record("unexpected \(error)")
            return
        }
        #expect(error.operation == "list secrets in flyte")
    }

    @Test("A kind of a megabyte is not repeated whole in the error", arguments: ["", "List"])
    func longKind(suffix: String) async throws {
        let kind = JSON.string(String(repeating: "k", count: 1 << 20) + suffix)
        let transport = ScriptedTransport(.json(["kind": kind, "metadata": ["resourceVersion": "5"]]))
        let error = try await failure { try await client(transport).listWatch(Secret.self).list(continueToken: nil) }
        #expect(error.isUnexpectedAnswer)
        #expect(error.description.utf8.count < 200)
    }

    @Test("A malformed item stays in its list")
    func malformed() async throws {
        let transport = ScriptedTransport(
            .json([
                "kind": "ConfigMapList", "metadata": ["resourceVersion": "5"],
                "items": [["metadata": ["name": "a"], "data": 1], ["metadata": ["name": "b"]]],
            ]))
        let page = try await client(transport).listWatch(ConfigMap.self).list(continueToken: nil)
        #expect(page.items.map(\.metadata.name) == ["a", "b"])
        #expect(page.items.map { $0.object == nil } == [true, false])
    }

    @Test("An expired token says that the list must start again")
    func expired() async throws {
        let status: JSON = ["kind": "Status", "status": "Failure", "reason": "Expired", "code": 410]
        let transport = ScriptedTransport(.json(status, status: 410))
        let error = try await failure { try await client(transport).listWatch(Secret.self).list(continueToken: "x") }
        #expect(error.status?.code == 410)
    }
}
