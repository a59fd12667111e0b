import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

/// The watches of an agent: for each kind in the templates, the objects that are ours.
///
/// Kinds don't affect each other. If the data plane does not serve a kind, or the token may not list it, only objects
/// of that kind are not applied.
final class TypeWatches: Sendable {
    typealias TypeWatcher = Watcher<SeenObject, InventoryEntry>

    enum Readiness: Sendable {
        /// Not listed yet, so nothing is decided.
        case starting
        case ready(KindInventory)
        case refused(FailureReason, String)
    }

    private struct Entry {
        let objects = KindInventory()
        let stopped = Signal()
        var watcher: TypeWatcher?
        var refusal: (reason: FailureReason, message: String)?
    }
    private struct State {
        var entries: [ResourceType: Entry] = [:]
        /// Nil before the first call of `open`.
        var isOpen: Bool?

        mutating func begin(_ type: ResourceType) -> Entry {
            let entry = Entry()
            entries[type] = entry
            return entry
        }
    }
    private let state = Locked(State())
    /// One watch with its entry. A kind that is dropped and wanted again gets a new entry, so that no two watches write
    /// into one store.
    private struct Start: Sendable {
        var type: ResourceType
        var objects: KindInventory
        var stopped: Signal
        init(_ type: ResourceType, _ entry: Entry) {
            (self.type, objects, stopped) = (type, entry.objects, entry.stopped)
        }
    }
    private let tasks = ChildTasks<Start>()

    /// Watches exactly these kinds from now on.
    func follow(_ types: [ResourceType]) {
        let (new, gone) = state.withLock { state in
            let new = types.filter { state.entries[$0] == nil }.map { Start($0, state.begin($0)) }
            let gone = state.entries.filter { !types.contains($0.key) }
            for type in gone.keys { state.entries[type] = nil }
            return (new, gone)
        }
        for entry in gone.values { entry.stopped.advance() }
        for start in new { tasks.start(start) }
    }

    /// Runs the watchers until the task is cancelled.
    func run(_ make: @escaping @Sendable (ResourceType, KindInventory) -> TypeWatcher) async {
        await tasks.run { await self.watch($0, make) }
    }

    private func watch(_ start: Start, _ make: (ResourceType, KindInventory) -> TypeWatcher) async {
        let watcher = make(start.type, start.objects)
        let isWanted = state.withLock { state in
            guard state.entries[start.type]?.objects === start.objects else { return false }
            if state.isOpen != true { watcher.pause() }
            state.entries[start.type]?.watcher = watcher
            return true
        }
        if isWanted { await start.stopped.ending { await watcher.run() } }
    }

    /// Lets all watches go on, or pauses them.
    func open(_ isOpen: Bool) {
        state.withLock { state in
            guard state.isOpen != isOpen else { return }
            state.isOpen = isOpen
            for watcher in state.entries.values.compactMap(\.watcher) { isOpen ? watcher.resume() : watcher.pause() }
        }
    }

    /// Drops everything that was seen and lists again, since it may be another cluster's.
    func forget() {
        let (dropped, new) = state.withLock { state in
            let dropped = state.entries
            return (dropped.values, dropped.keys.map { Start($0, state.begin($0)) })
        }
        for entry in dropped { entry.stopped.advance() }
        for start in new { tasks.start(start) }
    }

    /// Reopens all watches: from their versions, or with a list after a long silence.
    func renew() { for entry in state.withLock({ Array($0.entries.values) }) { entry.watcher?.poke() } }

    /// Lets refused kinds try again at once, since rights or kinds have changed.
    func retryRefused() {
        for entry in state.withLock({ $0.entries.values.filter { $0.refusal != nil } }) { entry.watcher?.poke() }
    }

    /// The kind can't be listed. True if that is new.
    func refused(_ type: ResourceType, _ reason: FailureReason, _ message: String) -> Bool {
        state.withLock { state in
            let before = state.entries[type]?.refusal
            state.entries[type]?.refusal = (reason, message)
            return before?.reason != reason || before?.message != message
        }
    }

    /// The kind can be listed or watched. True if it was refused before.
    func listed(_ type: ResourceType) -> Bool {
        state.withLock { state in
            defer { state.entries[type]?.refusal = nil }
            return state.entries[type]?.refusal != nil
        }
    }

    func readiness(of type: ResourceType) -> Readiness {
        guard let entry = state.withLock({ $0.entries[type] }) else { return .starting }
        if let refusal = entry.refusal { return .refused(refusal.reason, refusal.message) }
        return entry.objects.store.isReady ? .ready(entry.objects) : .starting
    }

    /// The kinds that are listed, and their objects.
    var ready: [(type: ResourceType, objects: KindInventory)] {
        state.withLock { state in
            state.entries.filter { $0.value.refusal == nil && $0.value.objects.store.isReady }
                .map { ($0.key, $0.value.objects) }
        }
    }

    /// The number of objects of all other kinds.
    func count(without type: ResourceType) -> Int {
        state.withLock { $0.entries.reduce(0) { $0 + ($1.key == type ? 0 : $1.value.objects.store.count) } }
    }

    subscript(type: ResourceType) -> KindInventory? { state.withLock { $0.entries[type]?.objects } }
}
