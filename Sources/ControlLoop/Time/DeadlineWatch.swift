import Support

/// Calls back for each entry that is not done by its deadline. One sleeping task serves all entries, since a timer for
/// each reconcile costs more than many reconciles do.
final class DeadlineWatch: Sendable {
    private struct Entry {
        var deadline: Duration
        var onExpiry: @Sendable () -> Void
    }
    private struct State {
        var entries: [UInt64: Entry] = [:]
        var last: UInt64 = 0
        /// When `run` looks again by itself. Nil: only when it is told.
        var looksAt: Duration?
    }
    private let state = Locked(State())
    private let changed = Signal()
    private let timeline: Timeline

    init(_ timeline: Timeline) { self.timeline = timeline }

    /// `onExpiry` is called, from `run`'s task, unless `isDone` comes first.
    func watch(until deadline: Duration, onExpiry: @escaping @Sendable () -> Void) -> UInt64 {
        let (id, isEarlier) = state.withLock { state in
            state.last += 1
            state.entries[state.last] = Entry(deadline: deadline, onExpiry: onExpiry)
            return (state.last, state.looksAt.map { deadline < $0 } ?? true)
        }
        if isEarlier { changed.advance() }
        return id
    }

    /// Ends the watch on the entry. False if its deadline has passed and `onExpiry` was called.
    func isDone(_ id: UInt64) -> Bool { state.withLock { $0.entries.removeValue(forKey: id) != nil } }

    /// Runs until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            let seen = changed.generation
            let now = timeline.now
            let (expired, next) = state.withLock { state in
                let expired = state.entries.filter { $0.value.deadline <= now }
                for id in expired.keys { state.entries[id] = nil }
                state.looksAt = state.entries.values.map(\.deadline).min()
                return (expired, state.looksAt)
            }
            for entry in expired.values { entry.onExpiry() }
            await changed.wait(past: seen, until: next, on: timeline)
        }
    }
}
