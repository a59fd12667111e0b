import Support

/// A `WorkQueueState` that tasks share: a lock, and a `next` that waits. `WorkQueueState` has the guarantees.
///
/// It has no task of its own. A task that waits in `next` sleeps until the next delayed key is due. So an idle queue
/// costs one waiting task, that of its controller.
public final class WorkQueue<Key: Hashable & Sendable>: Sendable {
    public typealias Priority = WorkQueueState<Key>.Priority
    public typealias Ending = WorkQueueState<Key>.Ending

    let timeline: Timeline
    private struct State {
        var queue: WorkQueueState<Key>
        /// No task that waits in `next` sleeps longer than this. Nil: no task waits.
        var sleepsUntil: Duration?
        /// Whether it has entered `share`.
        var isBusy = false

        mutating func take(partOf share: WorkShare?) { if let share { queue.share = share.part } }

        mutating func tell(_ share: WorkShare?) {
            guard let share, queue.isBusy != isBusy else { return }
            isBusy.toggle()
            if isBusy { share.enter() } else { share.leave() }
        }
    }
    private let state: Locked<State>
    private let share: WorkShare?
    /// Moves when a task that waits in `next` has something to do.
    let due = Signal()
    /// Changes when nothing is in flight any longer.
    private let ended = Signal()

    /// - Parameter share: of what this queue and others may have in work. Nil: only the queue's own limit counts.
    public init(
        _ state: sending WorkQueueState<Key> = WorkQueueState(), share: WorkShare? = nil,
        timeline: Timeline = .continuous
    ) {
        self.timeline = timeline
        self.share = share
        self.state = Locked(State(queue: state))
    }

    deinit { if state.withLock({ $0.isBusy }) { share?.leave() } }

    /// Adds a key that is due now.
    public func add(_ key: Key, priority: Priority = .fresh) { change { $0.add(key, priority: priority, now: $1) } }

    /// Adds many keys under one lock and with one wake-up.
    public func add(_ keys: some Sequence<Key> & Sendable, priority: Priority = .fresh) {
        change { state, now in for key in keys { state.add(key, priority: priority, now: now) } }
    }

    /// Adds a key that is due after `delay`. An earlier time for the same key counts.
    public func add(_ key: Key, after delay: Duration, priority: Priority = .background) {
        change { $0.add(key, after: delay, priority: priority, now: $1) }
    }

    /// Waits for the next key. The caller must `finish` it. Nil once the queue is shut down or the task is cancelled: a
    /// cancelled task gets no key.
    public func next() async -> Key? {
        while !Task.isCancelled {
            let seen = due.generation
            let now = timeline.now
            let poll = state.withLock { [share] state in
                state.take(partOf: share)
                let poll = state.queue.poll(now: now)
                state.tell(share)
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

    /// The caller has ended its work on a key from `next`.
    public func finish(_ key: Key, _ ending: Ending) { change { $0.finish(key, ending, now: $1) } }

    /// Forgets every failure. Keys that wait because of a failure are due now.
    public func clearBackoff() { change { $0.clearBackoff(now: $1) } }

    /// Hands out nothing until `resume`.
    public func pause() { change { state, _ in state.pause() } }
    public func resume() { change { state, _ in state.resume() } }

    /// Hands out nothing from now on, for good.
    public func shutDown() { change { state, _ in state.shutDown() } }

    /// Waits until nothing is in flight. False if `deadline` passes or the task is cancelled first.
    public func drained(until deadline: Duration) async -> Bool {
        while true {
            let seen = ended.generation
            if !state.withLock({ $0.queue.hasInFlight }) { return true }
            if Task.isCancelled || timeline.now >= deadline { return false }
            await ended.wait(past: seen, until: deadline, on: timeline)
        }
    }

    public var metrics: WorkQueueMetrics { state.withLock { [timeline] in $0.queue.metrics(now: timeline.now) } }
    /// Whether a worker has the key.
    public func isInFlight(_ key: Key) -> Bool { state.withLock { $0.queue.isInFlight(key) } }
    /// The priority of a key in flight, with what was added meanwhile.
    public func priority(of key: Key) -> Priority { state.withLock { $0.queue.priority(of: key) } }
    /// The longest wait of a key in flight if it fails now.
    public func longestBackoff(of key: Key) -> Duration { state.withLock { $0.queue.longestBackoff(of: key) } }

    /// Wakes a waiting task only if there is something to do before it wakes by itself. Most changes are keys that are
    /// due later, or come while all workers are busy.
    private func change(_ body: (inout WorkQueueState<Key>, Duration) -> Void) {
        let now = timeline.now
        let (isDue, hasEnded) = state.withLock { [share] state in
            let wasInFlight = state.queue.hasInFlight
            state.take(partOf: share)
            body(&state.queue, now)
            state.tell(share)
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
