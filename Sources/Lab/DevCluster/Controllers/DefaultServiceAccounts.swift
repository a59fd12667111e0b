import JSON

/// Keeps a ServiceAccount `default` in every active namespace.
struct DefaultServiceAccounts: Sendable {
    let store: ObjectStore
    let delay: Duration
    let timer: any Clock<Duration>

    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                await withDiscardingTaskGroup { delayed in
                    for await change in store.changes(of: .namespaces) where change.kind != .deleted {
                        later(in: &delayed, namespace: change.name)
                    }
                }
            }
            group.addTask {
                await withDiscardingTaskGroup { delayed in
                    for await change in store.changes(of: .serviceAccounts)
                    where change.kind == .deleted && change.name == "default" {
                        if let namespace = change.namespace { later(in: &delayed, namespace: namespace) }
                    }
                }
            }
        }
    }

    private func later(in group: inout DiscardingTaskGroup, namespace: String) {
        guard isMissing(namespace) else { return }
        guard delay > .zero else { return ensure(namespace) }
        group.addTask {
            guard (try? await timer.sleep(for: delay)) != nil else { return }
            ensure(namespace)
        }
    }

    private func isMissing(_ namespace: String) -> Bool {
        store.get(.serviceAccounts, namespace: namespace, name: "default") == nil
    }

    private func ensure(_ namespace: String) {
        guard store.get(.namespaces, name: namespace)?.isActiveNamespace == true else { return }
        // Another client may have made it meanwhile. Then it stays as it is.
        _ = try? store.create(
            .serviceAccounts,
            [
                "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": ["name": "default", "namespace": .string(namespace)],
            ])
    }
}
