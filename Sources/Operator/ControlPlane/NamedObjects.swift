import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

/// Objects of one kind by name, each with a watch of its own: the operator may read those that are named to it and no
/// others.
final class NamedObjects<Object: KubeResource, Content: Sendable>: Sendable {
    enum Reading: Sendable {
        case unknown
        case absent
        case present(Content)
        /// Why it can't be read.
        case unreadable(String)
    }

    /// What is kept of an object: made once for each version that the watch shows.
    private enum Kept: Sendable {
        case content(Content)
        case unreadable(String)
    }

    private struct Entry {
        let store = Store<Kept>()
        let stopped = Signal()
        var problem: String?
    }
    private let client: KubeClient
    private let namespace: String
    private let content: @Sendable (Object, Content?) -> Content
    private let watcher: WatcherConfiguration
    private let doubts: ListDoubts
    private let entries = Locked<[String: Entry]>([:])
    /// Told an object's name when what `subscript` says of it may be another.
    let observers = Observers<String>()
    private let tasks = ChildTasks<String>()

    /// - Parameter content: what to keep of an object, given what was kept of its version before.
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

    /// What is known; the first time a name is asked for, its watch begins.
    subscript(name: String) -> Reading {
        let (entry, isNew) = entries.withLock { entries in
            if let entry = entries[name] { return (entry, false) }
            let entry = Entry()
            entries[name] = entry
            return (entry, true)
        }
        if isNew { tasks.start(name) }
        if let snapshot = entry.store.snapshot {
            switch snapshot[ObjectKey(namespace: namespace, name: name)] {
            case nil: return .absent
            case .content(let content)?: return .present(content)
            case .unreadable(let failure)?: return .unreadable(failure)
            }
        }
        return entry.problem.map { .unreadable($0) } ?? .unknown
    }

    /// Lets go of everything that is named no more, with what is held of it.
    func retain(_ names: Set<String>) {
        let dropped = entries.withLock { entries in
            let dropped = entries.filter { !names.contains($0.key) }
            for name in dropped.keys { entries[name] = nil }
            return dropped
        }
        for (name, entry) in dropped {
            entry.stopped.advance()
            doubts.forget(label(name))
        }
    }

    /// - Parameter observer: told of every change of a watch's state.
    func run(_ observer: @escaping @Sendable (ResourceType, WatcherStatus) -> Void) async {
        await tasks.run { await self.watch($0, observer) }
    }

    private func watch(
        _ name: String, _ observer: @escaping @Sendable (ResourceType, WatcherStatus) -> Void
    ) async {
        guard let entry = entries.withLock({ $0[name] }) else { return }
        entry.store.subscribe { [observers] _ in observers.tell(name) }
        let source = client.listWatch(
            Object.self, namespace: namespace, fieldSelector: "metadata.name=\(name)", settings: .unlimited)
        let watcher = Watcher(
            source, into: entry.store, configuration: watcher,
            observer: { status in
                self.became(name, status)
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

    private func became(_ name: String, _ status: WatcherStatus) {
        if let entry = entries.withLock({ $0[name] }) {
            doubts.watch(of: label(name), isHeld: entry.store.isReady, became: status)
        }
        switch status {
        case .synced: entries.withLock { $0[name]?.problem = nil }
        case .failing(let error, _, _): entries.withLock { $0[name]?.problem = error.description }
        default: return
        }
        observers.tell(name)
    }
}

typealias NamedSecrets = NamedObjects<Secret, SecretContent>
/// The texts of ConfigMaps; binary data is left out.
typealias NamedConfigMaps = NamedObjects<ConfigMap, [String: String]>

extension NamedObjects where Object == Secret, Content == SecretContent {
    /// Values that can't be used are left out.
    convenience init(client: KubeClient, namespace: String, watcher: WatcherConfiguration, doubts: ListDoubts) {
        self.init(client: client, namespace: namespace, watcher: watcher, doubts: doubts) { secret, before in
            SecretContent(
                Dictionary(uniqueKeysWithValues: secret.data.keys.compactMap { key in secret[key].map { (key, $0) } }),
                labels: secret.metadata.labels ?? [:], annotations: secret.metadata.annotations ?? [:],
                previous: before)
        }
    }
}

extension NamedObjects where Object == ConfigMap, Content == [String: String] {
    convenience init(client: KubeClient, namespace: String, watcher: WatcherConfiguration, doubts: ListDoubts) {
        self.init(client: client, namespace: namespace, watcher: watcher, doubts: doubts) { object, _ in object.data }
    }
}
