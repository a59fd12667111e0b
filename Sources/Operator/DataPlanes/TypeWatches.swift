import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

/// What a session watches: for each kind that the templates have, the objects that are ours.
///
/// Each kind stands for itself: one that the data plane does not serve, or that the token may not list, keeps only the
/// objects of that kind from being applied.
final class TypeWatches: Sendable {
    typealias TypeWatcher = Watcher<DynamicObject, ObservedObject>

    enum Readiness: Sendable {
        /// Not listed yet: nothing is decided on half a picture.
        case starting
        case ready(ObservedObjects)
        case refused(FailureReason, String)
    }

    private struct Entry {
        let objects = ObservedObjects()
        let stopped = Signal()
        var watcher: TypeWatcher?
        var refusal: (reason: FailureReason, message: String)?
    }
    private struct State {
        var entries: [ResourceType: Entry] = [:]
        /// Nil before it was first said.
        var isOpen: Bool?

        mutating func begin(_ type: ResourceType) -> Entry {
            let entry = Entry()
            entries[type] = entry
            return entry
        }
    }
    private let state = Locked(State())
    /// One watch, with the entry that it is for: a kind that is dropped and wanted again at once gets another one, so that no
    /// two watches write into one store.
    private struct Start: Sendable {
        var type: ResourceType
        var objects: ObservedObjects
        var stopped: Signal
        init(_ type: ResourceType, _ entry: Entry) {
            (self.type, objects, stopped) = (type, entry.objects, entry.stopped)
        }
    }
    private let tasks = ChildTasks<Start>()

    /// Watches these kinds and no others from now on.
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

    /// Runs the watchers until it is cancelled.
    func run(_ make: @escaping @Sendable (ResourceType, ObservedObjects) -> TypeWatcher) async {
        await tasks.run { await self.watch($0, make) }
    }

    private func watch(_ start: Start, _ make: (ResourceType, ObservedObjects) -> TypeWatcher) async {
        let watcher = make(start.type, start.objects)
        let isWanted = state.withLock { state in
            guard state.entries[start.type]?.objects === start.objects else { return false }
            if state.isOpen != true { watcher.pause() }
            state.entries[start.type]?.watcher = watcher
            return true
        }
        if isWanted { await start.stopped.ending { await watcher.run() } }
    }

    /// Lets all of them go on, or ask nothing.
    func open(_ isOpen: Bool) {
        state.withLock { state in
            guard state.isOpen != isOpen else { return }
            state.isOpen = isOpen
            for watcher in state.entries.values.compactMap(\.watcher) { isOpen ? watcher.resume() : watcher.pause() }
        }
    }

    /// What was seen may be another cluster's: all of it is dropped, to be listed anew.
    func forget() {
        let (dropped, new) = state.withLock { state in
            let dropped = state.entries
            return (dropped.values, dropped.keys.map { Start($0, state.begin($0)) })
        }
        for entry in dropped { entry.stopped.advance() }
        for start in new { tasks.start(start) }
    }

    /// All of them are opened anew, from where they are, or with a list where nothing was heard for long.
    func renew() { for entry in state.withLock({ Array($0.entries.values) }) { entry.watcher?.poke() } }

    /// Those that were refused try again at once: permissions or kinds have changed.
    func retryRefused() {
        for entry in state.withLock({ $0.entries.values.filter { $0.refusal != nil } }) { entry.watcher?.poke() }
    }

    /// The kind can't be listed. True where that is news.
    func refused(_ type: ResourceType, _ reason: FailureReason, _ message: String) -> Bool {
        state.withLock { state in
            let before = state.entries[type]?.refusal
            state.entries[type]?.refusal = (reason, message)
            return before?.reason != reason || before?.message != message
        }
    }

    /// The kind may be listed or watched. True where it was refused before.
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

    /// Those that are listed.
    var ready: [(type: ResourceType, objects: ObservedObjects)] {
        state.withLock { state in
            state.entries.filter { $0.value.refusal == nil && $0.value.objects.store.isReady }
                .map { ($0.key, $0.value.objects) }
        }
    }

    /// How many objects are kept of the other kinds.
    func count(without type: ResourceType) -> Int {
        state.withLock { $0.entries.reduce(0) { $0 + ($1.key == type ? 0 : $1.value.objects.store.count) } }
    }

    subscript(type: ResourceType) -> ObservedObjects? { state.withLock { $0.entries[type]?.objects } }
}
