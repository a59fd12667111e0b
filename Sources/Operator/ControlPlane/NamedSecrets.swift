import ControlLoop
import Kube
import KubeObjects
import Support

/// Secrets by name, each with a watch of its own: the operator may read those that are named to it and no others.
final class NamedSecrets: Sendable {
    enum Reading: Sendable {
        case unknown
        case absent
        case present([String: Sensitive])
        case unreadable(String)
    }

    private struct Entry {
        let store = Store<Decoded<Secret>>()
        var problem: String?
    }
    private let client: KubeClient
    private let namespace: String
    private let entries = Locked<[String: Entry]>([:])
    private let handlers = Locked<[@Sendable (String) -> Void]>([])
    private let wanted: AsyncStream<String>
    private let want: AsyncStream<String>.Continuation

    init(client: KubeClient, namespace: String) {
        self.client = client
        self.namespace = namespace
        // At most one element for each name ever wanted: bounded by the DataPlanes.
        (wanted, want) = AsyncStream.makeStream(of: String.self)
    }

    /// Called with a Secret's name when what `subscript` says of it may be another.
    func subscribe(_ handler: @escaping @Sendable (String) -> Void) { handlers.withLock { $0.append(handler) } }

    /// What is known; the first time a name is asked for, its watch begins.
    subscript(name: String) -> Reading {
        let (entry, isNew) = entries.withLock { entries in
            if let entry = entries[name] { return (entry, false) }
            let entry = Entry()
            entries[name] = entry
            return (entry, true)
        }
        if isNew { want.yield(name) }
        if let snapshot = entry.store.snapshot {
            guard let secret = snapshot[ObjectKey(namespace: namespace, name: name)] else { return .absent }
            switch secret {
            case .valid(let secret):
                return .present(Dictionary(uniqueKeysWithValues: secret.data.keys.compactMap { key in
                    secret[key].map { (key, $0) }
                }))
            case .malformed(_, let failure): return .unreadable("\(failure)")
            }
        }
        return entry.problem.map { .unreadable($0) } ?? .unknown
    }

    func run() async {
        await withDiscardingTaskGroup { group in
            for await name in wanted { group.addTask { await self.watch(name) } }
        }
    }

    private func watch(_ name: String) async {
        guard let store = entries.withLock({ $0[name]?.store }) else { return }
        store.subscribe { _ in self.tell(name) }
        let source = client.listWatch(
            Secret.self, namespace: namespace, fieldSelector: "metadata.name=\(name)", settings: .unlimited)
        await Watcher(source, into: store, observer: { self.became(name, $0) }).run()
    }

    private func became(_ name: String, _ status: WatcherStatus) {
        switch status {
        case .synced: entries.withLock { $0[name]?.problem = nil }
        case .failing(let error, _, _): entries.withLock { $0[name]?.problem = error.description }
        default: return
        }
        tell(name)
    }

    private func tell(_ name: String) { for handler in handlers.withLock({ $0 }) { handler(name) } }
}
