import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

/// Objects of one kind by name, each with its own watch. The operator may read only the objects that are named to it.
final class NamedInformers<Object: KubeResource, Content: Sendable>: Sendable {
    enum Reading: Sendable {
        case unknown
        case absent
        case present(Content)
        /// The text says why.
        case unreadable(String)
    }

    /// What is kept of an object. It is made once for each version that the watch shows.
    private enum Kept: Sendable {
        case content(Content)
        case unreadable(String)
    }

    /// One watch. A name that is dropped and named again gets a new entry, so that no two watches write into one store.
    private final class Entry: Sendable {
        let name: String
        let store = Store<Kept>()
        let stopped = Signal()
        let problem = Locked<String?>(nil)
        init(_ name: String) { self.name = name }
    }
    private let client: KubeClient
    private let namespace: String
    private let content: @Sendable (Object, Content?) -> Content
    private let watcher: WatcherConfiguration
    private let doubts: ListDoubts
    private let entries = Locked<[String: Entry]>([:])
    /// Called with an object's name when the answer of `subscript` may have changed.
    let observers = Observers<String>()
    private let tasks = ChildTasks<Entry>()

    /// - Parameter content: makes what is kept of an object, from the object and from what was kept before.
    init(
        client: KubeClient, namespace: String, watcher: WatcherConfiguration = WatcherConfiguration(),
        doubts: ListDoubts = ListDoubts(), content: @escaping @Sendable (Object, Content?) -> Content
    ) {
        self.client = client
        self.namespace = namespace
        self.watcher = watcher
        self.doubts = doubts
        self.content = content
    }

    /// What is known of an object. `unknown` for one that is not followed.
    subscript(name: String) -> Reading {
        guard let entry = entries.withLock({ $0[name] }) else { return .unknown }
        if let snapshot = entry.store.snapshot {
            switch snapshot[ObjectKey(namespace: namespace, name: name)] {
            case nil: return .absent
            case .content(let content)?: return .present(content)
            case .unreadable(let failure)?: return .unreadable(failure)
            }
        }
        return entry.problem.withLock { $0 }.map { .unreadable($0) } ?? .unknown
    }

    /// Watches exactly these names from now on. What is held for other names is dropped.
    func follow(_ names: Set<String>) {
        let (dropped, new) = entries.withLock { entries in
            let dropped = entries.filter { !names.contains($0.key) }
            for name in dropped.keys { entries[name] = nil }
            let new = names.filter { entries[$0] == nil }.map { Entry($0) }
            for entry in new { entries[entry.name] = entry }
            return (dropped.values, new)
        }
        for entry in dropped {
            entry.stopped.advance()
            doubts.forget(label(entry.name))
        }
        for entry in new { tasks.start(entry) }
    }

    /// - Parameter observer: called for every change of a watch's state.
    func run(_ observer: @escaping @Sendable (ResourceType, WatcherStatus) -> Void) async {
        await tasks.run { await self.watch($0, observer) }
    }

    private func watch(
        _ entry: Entry, _ observer: @escaping @Sendable (ResourceType, WatcherStatus) -> Void
    ) async {
        let name = entry.name
        entry.store.subscribe { [observers] _ in observers.tell(name) }
        let source = client.listWatch(
            Object.self, namespace: namespace, fieldSelector: "metadata.name=\(name)", settings: .unlimited)
        let watcher = Watcher(
            source, into: entry.store, configuration: watcher,
            observer: { status in
                self.became(entry, status)
                observer(Object.resourceType, status)
            },
            project: { [content, store = entry.store] decoded in
                switch decoded {
                case .malformed(_, let failure): return .unreadable("\(failure)")
                case .valid(let object):
                    guard case .content(let before)? = store[object.metadata.key] else {
                        return .content(content(object, nil))
                    }
                    return .content(content(object, before))
                }
            })
        await entry.stopped.ending { await watcher.run() }
    }

    private func label(_ name: String) -> String { "\(Object.resourceType.plural)/\(name)" }

    private func became(_ entry: Entry, _ status: WatcherStatus) {
        // The status of a dropped entry does not count.
        guard entries.withLock({ $0[entry.name] === entry }) else { return }
        doubts.watch(of: label(entry.name), isHeld: entry.store.isReady, became: status)
        switch status {
        case .synced: entry.problem.withLock { $0 = nil }
        case .failing(let error, _, _): entry.problem.withLock { $0 = error.description }
        default: return
        }
        observers.tell(entry.name)
    }
}

typealias NamedSecrets = NamedInformers<Secret, SecretContent>
/// The texts of ConfigMaps, without binary data.
typealias NamedConfigMaps = NamedInformers<ConfigMap, [String: String]>

extension NamedInformers where Object == Secret, Content == SecretContent {
    convenience init(client: KubeClient, namespace: String, watcher: WatcherConfiguration, doubts: ListDoubts) {
        self.init(client: client, namespace: namespace, watcher: watcher, doubts: doubts) { secret, before in
            SecretContent(secret, previous: before)
        }
    }
}

extension SecretContent {
    /// Leaves out values that can't be used.
    init(_ secret: Secret, previous: SecretContent? = nil) {
        self.init(
            Dictionary(uniqueKeysWithValues: secret.data.keys.compactMap { key in secret[key].map { (key, $0) } }),
            type: secret.type ?? "", labels: secret.metadata.labels ?? [:],
            annotations: secret.metadata.annotations ?? [:], previous: previous)
    }
}

extension NamedInformers where Object == ConfigMap, Content == [String: String] {
    convenience init(client: KubeClient, namespace: String, watcher: WatcherConfiguration, doubts: ListDoubts) {
        self.init(client: client, namespace: namespace, watcher: watcher, doubts: doubts) { object, _ in object.data }
    }
}
