import Support

/// Keeps a client below the rate that its API server should have to bear. Who goes first is `TokenLanes`' to decide.
///
/// It has no task of its own: one of those who wait sleeps until the next token (the timekeeper), the others until they
/// are called.
public final class RateLimiter: Sendable {
    private enum Call: Sendable { case go, keepTime, cancelled }
    private typealias Caller = CheckedContinuation<Call, Never>

    private struct State {
        var lanes: TokenLanes
        var callers: [TokenLanes.Ticket: Caller] = [:]
        /// For those who have entered and don't listen yet.
        var early: [TokenLanes.Ticket: Call] = [:]
        var timekeeper: TokenLanes.Ticket?
        var isStopped = false

        /// Who has to be told so; the rest finds it when it listens.
        mutating func call(_ ticket: TokenLanes.Ticket, _ call: Call) -> (Caller, Call)? {
            if let caller = callers.removeValue(forKey: ticket) { return (caller, call) }
            early[ticket] = call
            return nil
        }

        /// Somebody keeps the time as long as anybody waits.
        mutating func appoint() -> (Caller, Call)? {
            guard timekeeper == nil, let next = lanes.anyWaiting else { return nil }
            timekeeper = next
            return call(next, .keepTime)
        }
    }

    private let state: Locked<State>
    private let now: @Sendable () -> Duration
    private let sleep: @Sendable (Duration) async throws -> Void

    /// `qps` requests a second in the long run, `burst` at once.
    public convenience init(qps: Double, burst: Int) { self.init(qps: qps, burst: burst, clock: ContinuousClock()) }

    public init<C: Clock>(qps: Double, burst: Int, clock: C) where C.Duration == Duration {
        let start = clock.now
        now = { start.duration(to: clock.now) }
        sleep = { try await clock.sleep(for: $0) }
        state = Locked(State(lanes: TokenLanes(TokenBucket(qps: qps, burst: burst, now: .zero))))
    }

    /// How many requests wait for a token.
    public var waiting: Int { state.withLock { $0.lanes.waiting } }

    /// What waits for one of these subjects goes before what is background from now on.
    public func raise(_ subjects: Set<String>) { state.withLock { $0.lanes.raise(subjects) } }

    /// Lets nobody through any more: who waits, or comes later, is told that he is cancelled. The timekeeper finds out
    /// when he wakes, which the next token would have done.
    public func stop() {
        let callers = state.withLock { state in
            state.isStopped = true
            defer { state.callers = [:] }
            return state.callers
        }
        for (ticket, caller) in callers {
            leave(ticket)
            caller.resume(returning: .cancelled)
        }
    }

    /// Returns when a request may go out. Throws when the task is cancelled; its place then goes to the others. Throws
    /// after `stop`, too.
    public func acquire(_ turn: RequestTurn = RequestTurn()) async throws(CancellationError) {
        if Task.isCancelled { throw CancellationError() }
        let now = now()
        let (ticket, isStopped) = state.withLock { state in
            if state.isStopped { return (TokenLanes.Ticket?.none, true) }
            let ticket = state.lanes.enter(turn, now: now)
            if let ticket, state.timekeeper == nil {
                state.timekeeper = ticket
                state.early[ticket] = .keepTime
            }
            return (ticket, false)
        }
        if isStopped { throw CancellationError() }
        guard let ticket else { return }
        if turn.priority == .background, turn.isFreshByNow?() == true { state.withLock { $0.lanes.raise(ticket) } }
        while true {
            switch await listen(ticket) {
            case .go: return
            case .cancelled: throw CancellationError()
            case .keepTime: if try await keepTime(ticket) { return }
            }
        }
    }

    private func listen(_ ticket: TokenLanes.Ticket) async -> Call {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (caller: Caller) in
                let call = state.withLock { state -> Call? in
                    // A cancellation sets its mark before it calls the handler below: either the mark is seen here, or
                    // the handler comes later and finds the caller.
                    if let early = state.early.removeValue(forKey: ticket) { return early }
                    if Task.isCancelled || state.isStopped { return .cancelled }
                    state.callers[ticket] = caller
                    return nil
                }
                guard let call else { return }
                if case .cancelled = call { leave(ticket) }
                caller.resume(returning: call)
            }
        } onCancel: {
            guard let caller = state.withLock({ $0.callers.removeValue(forKey: ticket) }) else { return }
            leave(ticket)
            caller.resume(returning: .cancelled)
        }
    }

    /// Sleeps until there are tokens and hands them out, again and again until one of them is its own: then true.
    private func keepTime(_ ticket: TokenLanes.Ticket) async throws(CancellationError) -> Bool {
        while true {
            let start = now()
            let delay = state.withLock { $0.lanes.delay(now: start) } ?? .zero
            do {
                try await sleep(delay)
            } catch {
                leave(ticket)
                throw CancellationError()
            }
            let now = now()
            if state.withLock({ $0.isStopped }) {
                leave(ticket)
                throw CancellationError()
            }
            let (calls, isOwn) = state.withLock { state in
                let handed = state.lanes.hand(now: now)
                let isOwn = handed.contains(ticket)
                var calls = handed.filter { $0 != ticket }.compactMap { state.call($0, .go) }
                if isOwn {
                    state.timekeeper = nil
                    if let call = state.appoint() { calls.append(call) }
                }
                return (calls, isOwn)
            }
            for (caller, call) in calls { caller.resume(returning: call) }
            if isOwn { return true }
        }
    }

    private func leave(_ ticket: TokenLanes.Ticket) {
        let now = now()
        let call = state.withLock { state in
            state.lanes.leave(ticket, now: now)
            state.early[ticket] = nil
            if state.timekeeper == ticket { state.timekeeper = nil }
            return state.appoint()
        }
        if let call { call.0.resume(returning: call.1) }
    }
}
