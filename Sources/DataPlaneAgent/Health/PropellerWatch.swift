import ControlLoop
import Fleet
import HTTP
import Kube
import KubeObjects
import Support

/// Watches one Deployment in a data plane by its name, so that a right to that one is enough.
final class PropellerWatch: Sendable {
    private let watcher: Watcher<Deployment, FlyteHealth.Propeller>
    private let stopped = Signal()

    /// - Parameter found: called with what the Deployment says about propeller.
    init(
        _ settings: FlyteHealthSettings, _ agent: Agent,
        found: @escaping @Sendable (FlyteHealth.Propeller) -> Void
    ) {
        let store = Store<FlyteHealth.Propeller>()
        let key = ObjectKey(namespace: settings.namespace, name: settings.deployment)
        let tell: @Sendable () -> Void = { [weak store] in
            guard let snapshot = store?.snapshot else { return }
            found(snapshot[key] ?? .absent)
        }
        store.subscribe { change in if change.origin == .event { tell() } }
        watcher = Watcher(
            PropellerListWatch(settings: settings, agent: agent), into: store,
            configuration: agent.context.settings.watcher, timeline: agent.context.timeline,
            observer: { [weak agent] status in
                switch status {
                case .synced, .following, .connected: tell()
                case .failing(let error, _, _) where error.isForbidden: found(.unreadable(error.description))
                case .failing(let error, _, _): agent?.requestFailed(error)
                default: break
                }
            },
            project: { decoded in
                switch decoded {
                case .valid(let deployment): FlyteHealth.Propeller(deployment)
                case .malformed(_, let failure): .unreadable("\(failure)")
                }
            })
        watcher.pause()
    }

    func open(_ mayRead: Bool) { mayRead ? watcher.resume() : watcher.pause() }
    func run() async { await stopped.ending { [watcher] in await watcher.run() } }
    func stop() { stopped.advance() }
}

/// Lists and watches with the link that the agent has in use. It fails while there is none.
private struct PropellerListWatch: ListWatch {
    let settings: FlyteHealthSettings
    unowned let agent: Agent

    func list(continueToken: String?) async throws(KubeError) -> ListPage<Deployment> {
        try await source("list").list(continueToken: continueToken)
    }

    func watch(from resourceVersion: String) async throws(KubeError) -> WatchStream<Deployment> {
        try await source("watch").watch(from: resourceVersion)
    }

    private func source(_ verb: String) throws(KubeError) -> CollectionListWatch<Deployment> {
        guard let link = agent.readableLink else {
            let closed = HTTPError(.closed, "not connected", mayHaveBeenProcessed: false)
            throw KubeError(operation: "\(verb) deployments", cause: .transport(closed))
        }
        return link.client.listWatch(
            Deployment.self, namespace: settings.namespace, fieldSelector: "metadata.name=\(settings.deployment)",
            settings: WatchSettings(isRateLimited: false))
    }
}
