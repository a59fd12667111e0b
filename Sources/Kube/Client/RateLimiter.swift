import Support

/// Keeps a client below the rate that its API server should bear. `TokenLanes` decides which request goes first.
///
/// It has no task of its own. One of the waiting callers, the timekeeper, sleeps until the next token. The others sleep
/// until they are called.
public final class RateLimiter: Sendable {
    private enum Call: Sendable { case go, keepTime, cancelled }
    private typealias Caller = CheckedContinuation<Call, Never>

    private struct State {
        var lanes: TokenLanes
        var callers: [TokenLanes.Ticket: Caller] = [:]
        /// Calls to callers that have entered and don't listen yet.
        var early: [TokenLanes.Ticket: Call] = [:]
        var timekeeper: TokenLanes.Ticket?
        var isStopped = false

        /// The caller to resume. A caller that does not listen yet finds the call when it listens.
        mutating func call(_ ticket: TokenLanes.Ticket, _ call: Call) -> (Caller, Call)? {
            if let caller = callers.removeValue(forKey: ticket) { return (caller, call) }
            early[ticket] = call
            return nil
        }

        /// Appoints a timekeeper as long as any caller waits.
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

    /// From now on, requests for these subjects go before background requests.
    public func raise(_ subjects: Set<String>) { state.withLock { $0.lanes.raise(subjects) } }

    /// Lets no request through any more. Requests that wait, or come later, are cancelled. The timekeeper finds out
    /// when it wakes at the next token.
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

    /// Returns when a request may go out. Throws when the task is cancelled; the others then move up. Also throws after
    /// `stop`.
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

    /// Sleeps until there are tokens and hands them out, again and again, until one of them is its own. Returns true
    /// then.
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
