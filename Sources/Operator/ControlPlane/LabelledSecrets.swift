import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

/// All Secrets of our namespace that may be copied into data planes (`multicluster.flyte.org/use: replicate`), while a
/// selector of the registry asks for them. The API server sends no other Secrets.
///
/// A Secret that was deleted or has lost the label still counts for a while, as a custom resource does
/// (`DeletionHold`). With `prune`, its copies would otherwise be deleted at once.
final class LabelledSecrets: Sendable {
    private final class Entry: Sendable {
        let store = Store<LabelledSecret>()
        let hold: DeletionHold<LabelledSecret>
        let stopped = Signal()
        let problem = Locked<String?>(nil)
        init(_ grace: Duration) {
            hold = DeletionHold(of: Secret.resourceType.kind, into: store, grace: grace, missing: MissingKinds())
        }
    }
    private let client: KubeClient
    private let namespace: String
    private let watcher: WatcherConfiguration
    private let grace: Duration
    private let doubts: ListDoubts
    private let entry = Locked<Entry?>(nil)
    private let tasks = ChildTasks<Entry>()
    /// Called when `reading` may have changed.
    let observers = Observers<Void>()

    static let selector = SecretUse.label + "=" + SecretUse.replicate.rawValue
    /// The most Secrets that are kept.
    private static let most = 4 * ReplicatedSecrets.most
    private static let label = "secrets with the label \(SecretUse.label): \(SecretUse.replicate.rawValue)"

    init(
        client: KubeClient, namespace: String, watcher: WatcherConfiguration, grace: Duration, doubts: ListDoubts
    ) {
        self.client = client
        self.namespace = namespace
        self.watcher = watcher
        self.grace = grace
        self.doubts = doubts
    }

    /// The Secrets by name.
    var reading: SecretReading<[String: LabelledSecret]> {
        guard let entry = entry.withLock({ $0 }) else { return .unknown }
        if let snapshot = entry.store.snapshot {
            return .present(snapshot.reduce(into: [:]) { $0[$1.key.name] = $1.value })
        }
        return entry.problem.withLock { $0 }.map { .unreadable($0) } ?? .unknown
    }

    /// Starts or ends the watch. Its end drops what is held.
    func follow(_ isWanted: Bool) {
        let (old, new) = entry.withLock { entry -> (Entry?, Entry?) in
            guard isWanted != (entry != nil) else { return (nil, nil) }
            let new = isWanted ? Entry(grace) : nil
            defer { entry = new }
            return (entry, new)
        }
        if let old {
            old.stopped.advance()
            doubts.forget(Self.label)
        }
        if let new { tasks.start(new) }
    }

    /// - Parameter observer: called for every change of the watch's state.
    func run(_ observer: @escaping @Sendable (ResourceType, WatcherStatus) -> Void) async {
        await tasks.run { await self.watch($0, observer) }
    }

    private func watch(
        _ entry: Entry, _ observer: @escaping @Sendable (ResourceType, WatcherStatus) -> Void
    ) async {
        entry.store.subscribe { [observers] _ in observers.tell() }
        let collection = KubeCollection(
            Secret.resourceType, namespace: namespace, labelSelector: Self.selector)
        let watcher = Watcher(
            client.listWatch(Secret.self, of: collection, settings: .unlimited), into: entry.hold.feed,
            configuration: watcher,
            observer: { status in
                entry.hold.watch(became: status)
                self.became(entry, status)
                observer(Secret.resourceType, status)
            },
            room: { Self.most },
            project: { decoded in
                guard case .valid(let secret) = decoded else { return nil }
                return LabelledSecret(content: SecretContent(secret), labels: secret.metadata.labels ?? [:])
            })
        var metadata = collection
        metadata.metadataOnly = true
        let (client, names) = (client, metadata)
        await entry.stopped.ending {
            await withDiscardingTaskGroup { group in
                group.addTask { await watcher.run() }
                group.addTask {
                    await entry.hold.run(poke: { watcher.poke() }) { () async throws(KubeError) in
                        _ = try await client.list(PartialObject.self, of: names, limit: 1, isRateLimited: false)
                    }
                }
            }
        }
    }

    private func became(_ entry: Entry, _ status: WatcherStatus) {
        guard self.entry.withLock({ $0 === entry }) else { return }
        doubts.watch(of: Self.label, isHeld: entry.store.isReady, became: status)
        switch status {
        case .synced: entry.problem.withLock { $0 = nil }
        case .failing(let error, _, _): entry.problem.withLock { $0 = error.description }
        case .full: entry.problem.withLock { $0 = "there are more than \(Self.most)" }
        default: return
        }
        observers.tell()
    }
}

extension Informers {
    /// The Secrets that every namespace gets.
    func replicated(
        _ entries: [SecretReplication], _ dataPlanes: some Sequence<DataPlane>, previous: ReplicatedSecrets
    ) -> ReplicatedSecrets {
        if entries.isEmpty { return .none }
        let credentials = Set(dataPlanes.filter { !$0.spec.inCluster }.map(\.spec.credentials.secretName))
        return ReplicatedSecrets(
            entries,
            named: { name in
                switch secrets[name] {
                case .unknown: .unknown
                case .absent: .absent
                case .present(let content): .present(content)
                case .unreadable(let why): .unreadable(why)
                }
            }, labelled: labelledSecrets.reading, credentials: credentials, previous: previous)
    }
}
