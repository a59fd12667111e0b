import JSON
import Support

/// What kube-controller-manager does for namespaces and ServiceAccounts, as far as somebody here relies on it.
///
/// Each controller is level-based: it is told that something changed, looks at the store and makes it right, so that a change
/// seen twice or late does no harm. Deleting a namespace's content is the API's (`APIServer.run`).
struct SystemControllers: Sendable {
    let store: ObjectStore
    let configuration: DevCluster.ControllerOptions
    let signer: TokenSigner
    let authorityPEM: @Sendable () -> String
    let timer: any Clock<Duration>

    /// Until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            if let delay = configuration.defaultServiceAccountDelay {
                let controller = DefaultServiceAccounts(store: store, delay: delay, timer: timer)
                group.addTask { await controller.run() }
            }
            if configuration.fillsTokenSecrets {
                let controller = TokenSecrets(store: store, signer: signer, authorityPEM: authorityPEM)
                group.addTask { await controller.watchSecrets() }
                group.addTask { await controller.watchServiceAccounts() }
            }
            if configuration.publishesRootCA {
                let controller = RootCAPublisher(store: store, authorityPEM: authorityPEM)
                group.addTask { await controller.run() }
            }
        }
    }
}

extension JSON {
    /// A namespace that takes new objects.
    var isActiveNamespace: Bool {
        self["metadata"]?["deletionTimestamp"] == nil && self["status"]?["phase"]?.string != "Terminating"
    }
}
