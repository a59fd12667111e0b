import JSON

/// Keeps the ConfigMap `kube-root-ca.crt` in every active namespace.
struct RootCAPublisher: Sendable {
    let store: ObjectStore
    let authorityPEM: @Sendable () -> String

    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                for await change in store.changes(of: .namespaces) where change.kind != .deleted { ensure(change.name) }
            }
            group.addTask {
                for await change in store.changes(of: .configMaps)
                where change.name == "kube-root-ca.crt" && change.kind != .added {
                    if let namespace = change.namespace { ensure(namespace) }
                }
            }
        }
    }

    /// Writes it in every namespace, after the authority changed.
    func republish() {
        for namespace in store.list(.namespaces) { ensure(namespace.objectName) }
    }

    private func ensure(_ namespace: String) {
        guard store.get(.namespaces, name: namespace)?.isActiveNamespace == true else { return }
        let data: JSON = ["ca.crt": .string(authorityPEM())]
        let name = "kube-root-ca.crt"
        if store.get(.configMaps, namespace: namespace, name: name) == nil {
            let description =
                "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
                + "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of "
                + "Kubernetes clusters."
            _ = try? store.create(
                .configMaps,
                [
                    "apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": [
                        "name": .string(name), "namespace": .string(namespace),
                        "annotations": ["kubernetes.io/description": .string(description)],
                    ],
                    "data": data,
                ])
        } else {
            _ = try? store.update(.configMaps, namespace: namespace, name: name) { object in
                if object["data"] == data { return false }
                object["data"] = data
                return true
            }
        }
    }
}
