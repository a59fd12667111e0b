import JSON
import Kube
import KubeObjects
import TestSupport
import Testing

/// What the operator's own client makes of a server's answers.
@Suite("Contract: our own client", .timeLimit(.minutes(3 * patience)))
struct OwnClientTests {
    @Test("It lists pages, watches from there and sees what changes", arguments: ServerKind.atHand)
    func listAndWatch(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            for name in ["a", "b", "c"] {
                try await api.post(Objects.core(namespace, "configmaps"), Objects.configMap(name, labels: ["in": "it"]))
                    .require(201)
            }
            let client = api.server.kubeClient()
            let type = ResourceType(
                group: "", version: "v1", kind: "ConfigMap", plural: "configmaps", isNamespaced: true)
            let collection = KubeCollection(type, namespace: namespace, labelSelector: "in=it", metadataOnly: true)
            let source = client.listWatch(PartialObject.self, of: collection, settings: WatchSettings(pageSize: 2))
            let first = try await source.list(continueToken: nil)
            let second = try await source.list(continueToken: first.continueToken)
            #expect((first.items + second.items).count == 3)
            #expect(second.continueToken == nil && second.resourceVersion == first.resourceVersion)
            var events = try await source.watch(from: first.resourceVersion).makeAsyncIterator()
            try await api.delete(Objects.core(namespace, "configmaps", "b")).require(200)
            guard case .deleted(let deleted)? = try await events.next(isolation: nil) else {
                Issue.record("not the deletion")
                return
            }
            guard case .valid(let object) = deleted else { return }
            #expect(object.metadata.name == "b")
        }
    }

    @Test(
        "It tells apart missing, not served, conflict, forbidden, invalid and terminating",
        arguments: ServerKind.withControllers)
    func errors(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let client = api.server.kubeClient()
            let configMaps = ResourceType(
                group: "", version: "v1", kind: "ConfigMap", plural: "configmaps", isNamespaced: true)
            let unknown = ResourceType(
                group: "nope.example.org", version: "v1", kind: "Thing", plural: "things", isNamespaced: true)
            func failure(_ body: () async throws(KubeError) -> JSON) async -> KubeError? {
                do {
                    _ = try await body()
                    return nil
                } catch {
                    return error
                }
            }
            let missing = await failure { () async throws(KubeError) in
                try await client.get(configMaps, namespace: namespace, name: "none")
            }
            #expect(missing?.isNotFound == true && missing?.isNotServed == false)
            let unserved = await failure { () async throws(KubeError) in
                try await client.get(unknown, namespace: namespace, name: "none")
            }
            #expect(unserved?.isNotServed == true && unserved?.isNotFound == false)

            _ = try await client.apply(
                Objects.configMap("c", ["k": "1"]), type: configMaps, namespace: namespace, name: "c",
                fieldManager: "alpha", force: false)
            let conflict = await failure { () async throws(KubeError) in
                try await client.apply(
                    Objects.configMap("c", ["k": "2"]), type: configMaps, namespace: namespace, name: "c",
                    fieldManager: "squadron", force: false)
            }
            #expect(conflict?.conflicts.map(\.field) == [".data.k"] && conflict?.conflicts.map(\.manager) == ["alpha"])
            #expect(conflict?.isRetryable == false)
            var strange = Objects.configMap("c")
            strange["nope"] = 1
            let invalid = await failure { () async throws(KubeError) in
                try await client.apply(
                    strange, type: configMaps, namespace: namespace, name: "c", fieldManager: "squadron", force: false)
            }
            #expect(invalid?.isInvalid == true && invalid?.isRetryable == false)

            var held = Objects.configMap("held")
            held[path: ["metadata", "finalizers"]] = ["example.org/hold"]
            try await api.post(Objects.core(namespace, "configmaps"), held).require(201)
            try await api.delete("/api/v1/namespaces/\(namespace)").require(200)
            let terminating = await failure { () async throws(KubeError) in
                try await client.apply(
                    Objects.configMap("d"), type: configMaps, namespace: namespace, name: "d", fieldManager: "squadron",
                    force: false)
            }
            #expect(terminating?.isNamespaceTerminating == true && terminating?.isRetryable == true)
            try await api.patch(
                .merge, Objects.core(namespace, "configmaps", "held"), ["metadata": ["finalizers": nil]]
            ).require(200)
        }
    }
}
