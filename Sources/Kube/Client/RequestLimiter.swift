import Support

/// How many requests an API server gets.
public enum RequestLimit: Sendable, Hashable {
    /// `qps` requests a second in the long run, `burst` at once.
    case fixed(qps: Double, burst: Int)
    /// A number of requests in flight that follows the server, while it answers with the headers of API Priority and
    /// Fairness. Without them, 100 requests a second and 200 at once.
    case followsServer

    fileprivate func bucket(now: Duration) -> TokenBucket {
        switch self {
        case .fixed(let qps, let burst): TokenBucket(qps: qps, burst: burst, now: now)
        case .followsServer: TokenBucket(qps: 100, burst: 200, now: now)
        }
    }
}

/// Keeps a client below the load that its API server can bear. `RequestLanes` decides which request goes first,
/// `RequestPace` how many go.
///
/// It has no task of its own. While the next request waits for a time, one of the waiting callers, the timekeeper,
/// sleeps until then. The others sleep until they are called. While only an answer can make room, there is no
/// timekeeper: `finished` calls the next caller.
public final class RequestLimiter: Sendable {
    private enum Call: Sendable { case go, keepTime, cancelled }
    private typealias Caller = CheckedContinuation<Call, Never>

    private struct State {
        var lanes: RequestLanes
        var callers: [RequestLanes.Ticket: Caller] = [:]
        /// Calls to callers that have entered and do not listen yet.
        var early: [RequestLanes.Ticket: Call] = [:]
        var timekeeper: RequestLanes.Ticket?
        var isStopped = false

        /// The caller to resume. A caller that does not listen yet finds the call when it listens.
        mutating func call(_ ticket: RequestLanes.Ticket, _ call: Call) -> (Caller, Call)? {
            if let caller = callers.removeValue(forKey: ticket) { return (caller, call) }
            early[ticket] = call
            return nil
        }

        /// Appoints a timekeeper if a caller waits for a time.
        mutating func appoint(now: Duration) -> (Caller, Call)? {
            guard timekeeper == nil, lanes.delay(now: now) != nil, let next = lanes.anyWaiting else { return nil }
            timekeeper = next
            return call(next, .keepTime)
        }

        /// Lets out what may go, and appoints a timekeeper for the rest.
        mutating func handOut(now: Duration) -> [(Caller, Call)] {
            var calls: [(Caller, Call)] = []
            for ticket in lanes.hand(now: now) {
                // The timekeeper itself finds out from `early` when it wakes.
                if ticket == timekeeper { timekeeper = nil }
                if let call = call(ticket, .go) { calls.append(call) }
            }
            if let call = appoint(now: now) { calls.append(call) }
            return calls
        }
    }

    private let limit: RequestLimit
    private let state: Locked<State>
    private let now: @Sendable () -> Duration
    private let sleep: @Sendable (Duration) async throws -> Void

    public convenience init(_ limit: RequestLimit) { self.init(limit, clock: ContinuousClock()) }

    public init<C: Clock>(_ limit: RequestLimit, clock: C) where C.Duration == Duration {
        self.limit = limit
        let start = clock.now
        now = { start.duration(to: clock.now) }
        sleep = { try await clock.sleep(for: $0) }
        state = Locked(State(lanes: RequestLanes(limit.bucket(now: .zero))))
    }

    /// The time, as results of requests count it.
    var time: Duration { now() }

    /// How many requests wait.
    public var waiting: Int { state.withLock { $0.lanes.waiting } }

    /// How many requests may be in flight. Nil while a rate is the limit.
    public var window: Int? { state.withLock { $0.lanes.pace.window } }

    /// From now on, requests for these subjects go before background requests.
    public func raise(_ subjects: Set<String>) { state.withLock { $0.lanes.raise(subjects) } }

    /// An answer of the server. Its headers tell whether the server shares its time by priority and fairness.
    func saw(isFair: Bool) {
        guard limit == .followsServer else { return }
        let now = now()
        let calls = state.withLock { state -> [(Caller, Call)] in
            guard state.lanes.pace.isWindow != isFair else { return [] }
            state.lanes.change(to: isFair ? .window(FlightWindow()) : .rate(limit.bucket(now: now)))
            return state.handOut(now: now)
        }
        for (caller, call) in calls { caller.resume(returning: call) }
    }

    /// A request that `acquire` let out has ended. Call it once for each `acquire` that returned.
    func finished(_ result: RequestResult) {
        let now = now()
        let calls = state.withLock { state in
            state.lanes.finished(result, now: now)
            return state.handOut(now: now)
        }
        for (caller, call) in calls { caller.resume(returning: call) }
    }

    /// Lets no more requests through. Requests that wait or come later are cancelled. The timekeeper notices when it
    /// wakes.
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
            if state.isStopped { return (RequestLanes.Ticket?.none, true) }
            let ticket = state.lanes.enter(turn, now: now)
            if let ticket, state.timekeeper == nil, state.lanes.delay(now: now) != nil {
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

    private func listen(_ ticket: RequestLanes.Ticket) async -> Call {
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

    /// Sleeps until the time lets requests out, and calls them, again and again, until its own may go. Returns true
    /// then, and false once the clock decides no longer.
    private func keepTime(_ ticket: RequestLanes.Ticket) async throws(CancellationError) -> Bool {
        while true {
            let start = now()
            let delay = state.withLock { state -> Duration? in
                // An answer made room meanwhile and let this request out.
                guard state.timekeeper == ticket else { return nil }
                let delay = state.lanes.delay(now: start)
                if delay == nil { state.timekeeper = nil }
                return delay
            }
            guard let delay else { return false }
            do {
                // It sleeps in slices, so that it notices `stop` during a long pause.
                try await sleep(min(delay, .seconds(1)))
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
                guard state.timekeeper == ticket else { return ([(Caller, Call)](), false) }
                let handed = state.lanes.hand(now: now)
                let isOwn = handed.contains(ticket)
                var calls = handed.filter { $0 != ticket }.compactMap { state.call($0, .go) }
                if isOwn {
                    state.timekeeper = nil
                    if let call = state.appoint(now: now) { calls.append(call) }
                }
                return (calls, isOwn)
            }
            for (caller, call) in calls { caller.resume(returning: call) }
            if isOwn { return true }
        }
    }

    private func leave(_ ticket: RequestLanes.Ticket) {
        let now = now()
        let calls = state.withLock { state in
            state.lanes.leave(ticket, now: now)
            state.early[ticket] = nil
            if state.timekeeper == ticket { state.timekeeper = nil }
            return state.lanes.pace.isWindow ? state.handOut(now: now) : state.appoint(now: now).map { [$0] } ?? []
        }
        for (caller, call) in calls { caller.resume(returning: call) }
    }
}
