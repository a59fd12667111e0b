import JSON

/// What a cluster holds before anybody has asked for anything.
enum Bootstrap {
    static func makeStore(_ options: DevCluster.Options) -> ObjectStore {
        let store = ObjectStore(clock: options.clock, historyLimit: options.historyLimit)
        for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            store.put(
                .namespaces,
                [
                    "apiVersion": "v1", "kind": "Namespace",
                    "metadata": ["name": .string(name), "labels": ["kubernetes.io/metadata.name": .string(name)]],
                    "spec": ["finalizers": ["kubernetes"]], "status": ["phase": "Active"],
                ])
        }
        BootstrapRoles.install(in: store)
        return store
    }
}
