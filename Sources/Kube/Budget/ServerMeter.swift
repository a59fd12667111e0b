import HTTP
import Support

/// Holds one API server to its budget. All clients of the server share it.
///
/// Budgets wait or fail, and never drop anything: an event that waits holds back its stream, and TCP the server. An
/// answer that is too much fails its request, which is tried again with backoff.
public final class ServerMeter: Sendable {
    public let budget: Budget
    let answers: ByteAllowance
    let reader = AnswerReader()
    private let events: Locked<EventBudget>
    private let now: @Sendable () -> Duration
    private let sleep: @Sendable (Duration) async throws -> Void

    public convenience init(_ budget: Budget = Budget()) { self.init(budget, clock: ContinuousClock()) }

    public init<C: Clock>(_ budget: Budget, clock: C) where C.Duration == Duration {
        self.budget = budget
        answers = ByteAllowance(limit: budget.unreadBytes)
        let start = clock.now
        now = { start.duration(to: clock.now) }
        sleep = { try await clock.sleep(for: $0) }
        events = Locked(EventBudget(budget, now: .zero))
    }

    /// The budget that the server exceeds now. Nil while it exceeds none.
    public var excess: BudgetExcess? {
        let now = now()
        let isExceeded = events.withLock { events in
            events.settle(now: now)
            return events.isExceeded
        }
        guard isExceeded else { return nil }
        return .events(
            perSecond: budget.eventsPerSecond, bytesPerSecond: budget.eventsPerSecond * budget.eventUnit)
    }

    /// Call it for each watch event that was read. It returns when the next event may be read.
    func admit(bytes: Int) async throws(CancellationError) {
        let now = now()
        let wait = events.withLock { $0.take(bytes: bytes, now: now) }
        guard wait > .zero else { return }
        do { try await sleep(wait) } catch { throw CancellationError() }
    }
}

/// Reads the larger answers of one server one after the other: a parsed answer takes several times its own size in
/// memory.
actor AnswerReader {
    /// Smaller answers are parsed where they arrive.
    static let small = 64 << 10

    func read<Value: Sendable, Failure: Error>(
        _ work: @Sendable () throws(Failure) -> Value
    ) throws(Failure) -> Value { try work() }
}
