import JSON
import Support
import TestSupport
import Testing

@testable import DevCluster

@Suite("System controllers", .timeLimit(.minutes(patience)))
struct ControllerTests {
    private func makeNamespace(_ name: String, in cluster: DevCluster) {
        cluster.store.put(.namespaces, ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(name)]])
    }

    /// Waits until a change of `resource` in `namespace` fits.
    private func wait(
        _ cluster: DevCluster, _ resource: GroupResource, _ namespace: String, until fits: (StoreChange) -> Bool
    ) async {
        for await change in cluster.store.changes(of: resource) where change.namespace == namespace && fits(change) {
            return
        }
    }

    @Test("A namespace gets a default ServiceAccount and the CA, also after their deletion")
    func defaults() async throws {
        try await withCluster { cluster async throws in
            makeNamespace("x", in: cluster)
            await wait(cluster, .serviceAccounts, "x") { $0.name == "default" }
            await wait(cluster, .configMaps, "x") { $0.object["data"]?["ca.crt"]?.string == cluster.caPEM }
            let first = cluster.store.get(.serviceAccounts, namespace: "x", name: "default")?["metadata"]?["uid"]
            cluster.store.delete(.serviceAccounts, namespace: "x", name: "default")
            await wait(cluster, .serviceAccounts, "x") {
                $0.kind != .deleted && $0.object["metadata"]?["uid"] != first
            }
            try await cluster.rotateCertificate(newAuthority: true)
            await wait(cluster, .configMaps, "x") { $0.object["data"]?["ca.crt"]?.string == cluster.caPEM }
        }
    }

    @Test("A late controller leaves a ServiceAccount that another client made meanwhile")
    func race() async throws {
        var options = DevCluster.Options()
        options.controllers.defaultServiceAccountDelay = .milliseconds(50)
        try await withCluster(options) { cluster async throws in
            makeNamespace("late", in: cluster)
            let mine = try cluster.ensureServiceAccount(namespace: "late", name: "default")
            makeNamespace("after", in: cluster)
            // The later namespace's account comes after the earlier one's turn.
            await wait(cluster, .serviceAccounts, "after") { $0.name == "default" }
            let now = cluster.store.get(.serviceAccounts, namespace: "late", name: "default")
            #expect(now?["metadata"]?["uid"] == mine["metadata"]?["uid"])
        }
    }

    @Test("Without the controller there is no default ServiceAccount")
    func none() async throws {
        var options = DevCluster.Options()
        options.controllers.defaultServiceAccountDelay = nil
        try await withCluster(options) { cluster async throws in
            makeNamespace("x", in: cluster)
            await wait(cluster, .configMaps, "x") { _ in true }
            #expect(cluster.store.get(.serviceAccounts, namespace: "x", name: "default") == nil)
        }
    }

    @Test("A token Secret of a ServiceAccount that is not there is removed")
    func secretWithoutAccount() async throws {
        try await withCluster { cluster async throws in
            makeNamespace("x", in: cluster)
            cluster.store.put(
                .secrets,
                [
                    "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
                    "metadata": [
                        "name": "t", "namespace": "x", "annotations": ["kubernetes.io/service-account.name": "nobody"],
                    ],
                ])
            await wait(cluster, .secrets, "x") { $0.kind == .deleted }
        }
    }
}
