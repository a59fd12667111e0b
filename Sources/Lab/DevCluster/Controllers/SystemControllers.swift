import JSON
import Support

/// The part of kube-controller-manager's work for namespaces and ServiceAccounts that something here relies on.
///
/// Each controller is level-based: it hears that something changed, reads the store and corrects it. So a change that
/// is seen twice or late does no harm. The API deletes a namespace's content (`APIServer.run`).
struct SystemControllers: Sendable {
    let store: ObjectStore
    let configuration: DevCluster.ControllerOptions
    let signer: TokenSigner
    let authorityPEM: @Sendable () -> String
    let timer: any Clock<Duration>

    /// Runs until the task is cancelled.
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
    /// Whether it is a namespace that takes new objects.
    var isActiveNamespace: Bool {
        self["metadata"]?["deletionTimestamp"] == nil && self["status"]?["phase"]?.string != "Terminating"
    }
}
