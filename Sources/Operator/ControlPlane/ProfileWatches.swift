import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

/// The ClusterProfiles in the namespaces that the registry names.
final class ProfileWatches: Sendable {
    enum Reading: Sendable {
        case unknown
        case unreadable(String)
        case present([String: ClusterProfile.Found])
    }
    private final class Entry: Sendable {
        let namespace: String
        let store = Store<ClusterProfile.Found>()
        let stopped = Signal()
        let problem = Locked<String?>(nil)
        init(_ namespace: String) { self.namespace = namespace }
    }
    private let client: KubeClient
    private let watcher: WatcherConfiguration
    private let entries = Locked<[String: Entry]>([:])
    private let tasks = ChildTasks<Entry>()
    /// Called when the answer of `subscript` may have changed.
    let observers = Observers<Void>()
    /// The most profiles that are kept for a namespace.
    private static let most = 10_000

    init(client: KubeClient, watcher: WatcherConfiguration) {
        self.client = client
        self.watcher = watcher
    }

    /// Whether profiles of ours may be in namespaces that the registry no longer names. What it named before this process
    /// started is not known.
    let mayHaveStrays = Locked(true)

    /// Whether there is something to look after, also without an entry in the registry.
    var mayHaveAny: Bool { !followed.isEmpty || mayHaveStrays.withLock { $0 } }

    /// The watched namespaces.
    var followed: Set<String> { entries.withLock { Set($0.keys) } }

    subscript(namespace: String) -> Reading {
        guard let entry = entries.withLock({ $0[namespace] }) else { return .unknown }
        // If the CRD is deleted, its objects are too. What was seen before is then useless.
        if let problem = entry.problem.withLock({ $0 }) { return .unreadable(problem) }
        guard let snapshot = entry.store.snapshot else { return .unknown }
        return .present(snapshot.reduce(into: [:]) { $0[$1.key.name] = $1.value })
    }

    func follow(_ namespaces: Set<String>) {
        let (dropped, new) = entries.withLock { entries in
            let dropped = entries.filter { !namespaces.contains($0.key) }
            for name in dropped.keys { entries[name] = nil }
            let new = namespaces.filter { entries[$0] == nil }.map { Entry($0) }
            for entry in new { entries[entry.namespace] = entry }
            return (dropped.values, new)
        }
        for entry in dropped { entry.stopped.advance() }
        for entry in new { tasks.start(entry) }
    }

    func run() async { await tasks.run { await self.watch($0) } }

    private func watch(_ entry: Entry) async {
        entry.store.subscribe { [observers] _ in observers.tell() }
        let source = client.listWatch(
            DynamicObject.self, of: KubeCollection(.clusterProfiles, namespace: entry.namespace), settings: .unlimited)
        let watcher = Watcher(
            source, into: entry.store, configuration: watcher,
            observer: { [observers] status in
                switch status {
                case .synced, .following, .connected: entry.problem.withLock { $0 = nil }
                case .failing(let error, _, _) where error.isNotServed:
                    entry.problem.withLock { $0 = "the API server does not have the kind ClusterProfile" }
                case .failing(let error, _, _) where error.isForbidden:
                    entry.problem.withLock { $0 = error.description }
                case .full: entry.problem.withLock { $0 = "there are more than \(Self.most) ClusterProfiles" }
                default: return
                }
                observers.tell()
            },
            room: { Self.most },
            project: { decoded in decoded.object.map { ClusterProfile.Found($0) } })
        await entry.stopped.ending { await watcher.run() }
    }
}
