import HTTP
import JSON
import KubeObjects
import Support
import Testing

@testable import Kube

@Suite("Client")
struct ClientTests {
    private let object: JSON = [
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": ["name": "default"],
    ]

    @Test("An apply is one PATCH with field manager, object and validation")
    func apply() async throws {
        let transport = ScriptedTransport(.json(object), .json(object))
        let client = client(transport, authorization: StaticToken(Sensitive("t0ken")))
        try await client.apply(
            object, type: ServiceAccount.resourceType, namespace: "project1-development", name: "default",
            fieldManager: "squadron", force: false)
        try await client.apply(
            object, type: ServiceAccount.resourceType, namespace: "a/b", name: "default", subresource: "status",
            fieldManager: "squadron", force: true, metadataOnlyAnswer: true)
        let requests = transport.requests
        #expect(requests.map(\.method) == [.patch, .patch])
        #expect(
            requests.map(target) == [
                "/api/v1/namespaces/project1-development/serviceaccounts/default"
                    + "?fieldManager=squadron&fieldValidation=Strict",
                "/api/v1/namespaces/a%2Fb/serviceaccounts/default/status"
                    + "?fieldManager=squadron&force=true&fieldValidation=Strict",
            ])
        #expect(requests[0].headers["Content-Type"] == "application/apply-patch+yaml")
        #expect(requests[0].headers["Accept"] == "application/json")
        #expect(
            requests[1].headers["Accept"]
                == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json")
        #expect(requests[0].headers["User-Agent"] == "squadron/1.2.3")
        #expect(requests[0].bearerToken == Sensitive("t0ken"))
        #expect(requests[0].body.flatMap { try? JSON(parsing: $0) } == object)
    }

    @Test("A metadata-only answer is read as the server sends it")
    func metadataOnly() async throws {
        let transport = ScriptedTransport(
            .response(HTTPResponse(status: 200, body: try fixture("apply-metadata-only.json"))))
        let answer = try await client(transport).apply(
            object, type: ServiceAccount.resourceType, namespace: "n", name: "robot", fieldManager: "squadron",
            force: true, metadataOnlyAnswer: true)
        let partial = try PartialObject(json: answer)
        #expect(partial.metadata.resourceVersion == "791")
        #expect(partial.metadata.isApplied(by: "squadron"))
    }

    @Test(
        "A success that is not the requested object is an error",
        arguments: [
            #"{}"#, #"[]"#, #"null"#, #"<html>"#, "", #"{"metadata":{"name":"other"}}"#, #"{"metadata":{"name":""}}"#,
        ])
    func nonsense(body: String) async throws {
        let transport = ScriptedTransport { _ in .text(body) }
        let client = client(transport)
        let error = try await failure {
            try await client.apply(
                object, type: ServiceAccount.resourceType, namespace: "flyte", name: "default",
                fieldManager: "squadron",
                force: false)
        }
        guard case .unexpectedAnswer = error.cause else {
            Issue.record("unexpected \(error)")
            return
        }
        #expect(error.operation == "apply serviceaccounts/default in flyte")
        await #expect(throws: KubeError.self) { try await client.get(Namespace.self, name: "default") }
        await #expect(throws: KubeError.self) { try await client.version() }
        await #expect(throws: KubeError.self) {
            try await client.delete(Namespace.resourceType, name: "default")
        }
    }

    @Test("Get, create, replace, patch and delete send the documented requests")
    func verbs() async throws {
        let lease: JSON = ["metadata": ["name": "l", "namespace": "flyte", "resourceVersion": "3"], "spec": [:]]
        let transport = ScriptedTransport { _ in .json(lease.merging(kind: "Lease")) }
        let client = client(transport)
        let type = Lease.resourceType
        var object = try await client.get(Lease.self, namespace: "flyte", name: "l")
        object.spec = Lease.Spec(holderIdentity: "me")
        try await client.create(object, fieldManager: "squadron")
        try await client.replace(object)
        try await client.mergePatch(["spec": [:]], type: type, namespace: "flyte", name: "l", fieldManager: "m")
        try await client.delete(
            type, namespace: "flyte", name: "l", preconditions: Preconditions(uid: "u", resourceVersion: "3"),
            propagation: .foreground)
        let requests = transport.requests
        let path = "/apis/coordination.k8s.io/v1/namespaces/flyte/leases"
        #expect(
            requests.map { "\($0.method.rawValue) \(target($0))" } == [
                "GET \(path)/l", "POST \(path)?fieldManager=squadron", "PUT \(path)/l",
                "PATCH \(path)/l?fieldManager=m", "DELETE \(path)/l",
            ])
        let bodies = try requests.dropFirst().map { try JSON(parsing: try #require($0.body)) }
        #expect(bodies[0]["kind"] == "Lease")
        #expect(bodies[1][path: ["spec", "holderIdentity"]] == "me")
        #expect(bodies[1][path: ["metadata", "resourceVersion"]] == "3")
        #expect(requests[3].headers["Content-Type"] == "application/merge-patch+json")
        #expect(
            bodies[3] == [
                "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": ["uid": "u", "resourceVersion": "3"],
                "propagationPolicy": "Foreground",
            ])
    }

    @Test("An object that does not fit its type names the field")
    func misfit() async throws {
        let transport = ScriptedTransport(.json(["metadata": ["name": "a"], "data": ["k": 1]]))
        let error = try await failure { try await client(transport).get(ConfigMap.self, namespace: "flyte", name: "a") }
        #expect(error.description == "get configmaps/a in flyte: data.k: expected a string, found a number")
    }

    @Test("Probes read text, and a failed check is a failure with its text")
    func text() async throws {
        let transport = ScriptedTransport(.text("ok"), .text("[+]ping ok\n[-]etcd failed\n", status: 500))
        let client = client(transport)
        #expect(try await client.text("/readyz") == "ok")
        let error = try await failure { try await client.text("/readyz") }
        #expect(error.description == "get /readyz: 500: [+]ping ok [-]etcd failed")
    }

    @Test("Discovery tells what a group version serves, and that one is not served")
    func discovery() async throws {
        let html = ScriptedTransport.Reply.text("<html>", status: 404)
        let transport = ScriptedTransport(
            .response(HTTPResponse(status: 200, body: try fixture("discovery.json"))),
            .text("404 page not found\n", status: 404), html, .json([:]))
        let client = client(transport)
        let resources = try await client.resources(group: "coordination.k8s.io", version: "v1")
        #expect(resources?.map(\.type) == [Lease.resourceType])
        #expect(resources?.first?.verbs.contains("watch") == true)
        #expect(try await client.resources(group: "nope.example", version: "v1") == nil)
        await #expect(throws: KubeError.self) { try await client.resources(group: "", version: "v1") }
        await #expect(throws: KubeError.self) { try await client.resources(group: "", version: "v1") }
        #expect(target(transport.requests[3]) == "/api/v1")
    }

    @Test("A review is answered by its own kind only")
    func reviews() async throws {
        let answer: JSON = ["kind": "SelfSubjectAccessReview", "status": ["allowed": true]]
        let transport = ScriptedTransport(.json(answer), .json([:]))
        let client = client(transport)
        let type = SelfSubjectAccessReview.resourceType
        let question = SelfSubjectAccessReview.request(.init(verb: "patch", resource: "namespaces"))
        #expect(try await SelfSubjectAccessReview(json: client.review(type, question)).isAllowed)
        await #expect(throws: KubeError.self) { try await client.review(type, question) }
        #expect(target(transport.requests[0]) == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
    }

    @Test("The limit of an answer depends on the request")
    func limits() async throws {
        let transport = ScriptedTransport { _ in .text("{}") }
        let client = client(transport)
        let type = Namespace.resourceType
        _ = try? await client.list(Namespace.self, of: KubeCollection(type))
        _ = try? await client.list(PartialObject.self, of: KubeCollection(type, metadataOnly: true))
        _ = try? await client.get(type, name: "a")
        _ = try? await client.get(type, name: "a", metadataOnly: true)
        _ = try? await client.apply(
            object, type: type, name: "default", fieldManager: "m", force: false, metadataOnlyAnswer: true)
        _ = try? await client.delete(type, name: "a")
        _ = try? await client.version()
        #expect(transport.requests.map { $0.maximumBodySize >> 20 } == [32, 32, 8, 2, 2, 8, 8])
    }

    @Test("An answer of too many bytes or too many values is refused")
    func tooLarge() async throws {
        var limits = AnswerLimits()
        (limits.page, limits.object, limits.metadata) = (4_000, 2_000, 1_000)
        let type = Namespace.resourceType
        let text = JSON.string(String(repeating: "x", count: 1_500))
        let large: JSON = ["kind": "Namespace", "metadata": ["name": "a", "annotations": ["text": text]]]
        let first = client(ScriptedTransport(.json(large), .json(large)), limits: limits)
        let whole = try await first.get(type, name: "a")
        #expect(whole == large)
        let error = try await failure { try await first.get(type, name: "a", metadataOnly: true) }
        guard case .transport(let cause) = error.cause else {
            Issue.record("unexpected \(error)")
            return
        }
        #expect(cause.kind == .bodyTooLarge)
        let values = JSON.array([JSON](repeating: 0, count: 300))
        let dense: JSON = ["kind": "Namespace", "metadata": ["name": "a"], "spec": values]
        let second = client(ScriptedTransport(.json(dense)), limits: limits)
        let refused = try await failure { try await second.get(type, name: "a") }
        #expect(refused.isUnexpectedAnswer)
        #expect(refused.detail.contains("too many values"))
    }

    @Test("The version is read from a recorded answer")
    func version() async throws {
        let transport = ScriptedTransport(.response(HTTPResponse(status: 200, body: try fixture("version.json"))))
        #expect(try await client(transport).version().gitVersion == "v1.36.2")
    }
}

extension JSON {
    fileprivate func merging(kind: String) -> JSON {
        var result = self
        result["kind"] = .string(kind)
        return result
    }
}
