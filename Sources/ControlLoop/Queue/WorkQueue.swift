import Support

/// A `WorkQueueState` that tasks share: locked, with a `next` that waits. See there for what it guarantees.
///
/// It has no task of its own: whoever waits in `next` sleeps until the next delayed key is due. So an idle queue costs
/// one waiting task, that of its controller.
public final class WorkQueue<Key: Hashable & Sendable>: Sendable {
    public typealias Priority = WorkQueueState<Key>.Priority
    public typealias Ending = WorkQueueState<Key>.Ending

    let timeline: Timeline
    private struct State {
        var queue: WorkQueueState<Key>
        /// No task that waits in `next` sleeps longer than until then; nil: none waits.
        var sleepsUntil: Duration?
    }
    private let state: Locked<State>
    /// There is something for a task that waits in `next`.
    let due = Signal()
    /// Nothing is in flight any more.
    private let ended = Signal()

    public init(_ state: sending WorkQueueState<Key> = WorkQueueState(), timeline: Timeline = .continuous) {
        self.timeline = timeline
        self.state = Locked(State(queue: state))
    }

    /// Wanted now.
    public func add(_ key: Key, priority: Priority = .fresh) { change { $0.add(key, priority: priority, now: $1) } }

    /// Many at once, under one lock and with one wake-up.
    public func add(_ keys: some Sequence<Key> & Sendable, priority: Priority = .fresh) {
        change { state, now in for key in keys { state.add(key, priority: priority, now: now) } }
    }

    /// Wanted after a time, if not before.
    public func add(_ key: Key, after delay: Duration, priority: Priority = .background) {
        change { $0.add(key, after: delay, priority: priority, now: $1) }
    }

    /// The next key, as soon as there is one; it has to be finished. Nil once the queue is shut down or the task is
    /// cancelled; a cancelled task is given no key.
    public func next() async -> Key? {
        while !Task.isCancelled {
            let seen = due.generation
            let now = timeline.now
            let poll = state.withLock { state in
                let poll = state.queue.poll(now: now)
                if case .wait(let until) = poll {
                    state.sleepsUntil = max(state.sleepsUntil ?? .zero, until ?? .seconds(Int64.max))
                }
                return poll
            }
            switch poll {
            case .key(let key): return key
            case .finished: return nil
            case .wait(let until): await due.wait(past: seen, until: until, on: timeline)
            }
        }
        return nil
    }

    /// The work on a key from `next` has ended.
    public func finish(_ key: Key, _ ending: Ending) { change { $0.finish(key, ending, now: $1) } }

    /// Forgets every failure, and whatever waits because of one is wanted now.
    public func clearBackoff() { change { $0.clearBackoff(now: $1) } }

    /// Hands out nothing until `resume`.
    public func pause() { change { state, _ in state.pause() } }
    public func resume() { change { state, _ in state.resume() } }

    /// Hands out nothing any more, for good.
    public func shutDown() { change { state, _ in state.shutDown() } }

    /// Waits until nothing is in flight; false if `deadline` passed or the task was cancelled before that.
    public func drained(until deadline: Duration) async -> Bool {
        while true {
            let seen = ended.generation
            if !state.withLock({ $0.queue.hasInFlight }) { return true }
            if Task.isCancelled || timeline.now >= deadline { return false }
            await ended.wait(past: seen, until: deadline, on: timeline)
        }
    }

    public var metrics: WorkQueueMetrics { state.withLock { [timeline] in $0.queue.metrics(now: timeline.now) } }
    /// Whether the key is being worked on.
    public func isInFlight(_ key: Key) -> Bool { state.withLock { $0.queue.isInFlight(key) } }
    /// Of a key that is being worked on: how urgent that is by now.
    public func priority(of key: Key) -> Priority { state.withLock { $0.queue.priority(of: key) } }
    /// Of a key that is being worked on: how long it waits at the most if it fails now.
    public func longestBackoff(of key: Key) -> Duration { state.withLock { $0.queue.longestBackoff(of: key) } }

    /// Wakes who waits only where there is something to do for him before he wakes by himself: most changes are keys
    /// that are wanted later, or while all workers are busy.
    private func change(_ body: (inout WorkQueueState<Key>, Duration) -> Void) {
        let now = timeline.now
        let (isDue, hasEnded) = state.withLock { state in
            let wasInFlight = state.queue.hasInFlight
            body(&state.queue, now)
            let hasEnded = wasInFlight && !state.queue.hasInFlight
            guard let sleepsUntil = state.sleepsUntil, let due = state.queue.due(now: now), due < sleepsUntil else {
                return (false, hasEnded)
            }
            state.sleepsUntil = nil
            return (true, hasEnded)
        }
        if isDue { due.advance() }
        if hasEnded { ended.advance() }
    }
}
