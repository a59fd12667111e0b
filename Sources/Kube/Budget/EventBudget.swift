/// How fast watch events of one server are read, as a value: what it may send at once, how long to wait past that, and
/// whether it has been over its budget for so long that people should know.
struct EventBudget: Sendable {
    private let budget: Budget
    /// What may be read at once. Below zero it is a debt: the time to work it off is the wait.
    private var credit: Double
    private var updated: Duration
    /// Since when events wait, without a longer pause in between, and when one waited last.
    private var waitsSince: Duration?
    private var lastWait: Duration?
    private(set) var isExceeded = false

    /// So long it goes on before anybody is told, and so long it is over before that is told.
    static let patience = Duration.seconds(2)
    static let calm = Duration.seconds(30)
    /// Shorter waits are put together.
    static let shortestWait = Duration.milliseconds(10)

    init(_ budget: Budget, now: Duration) {
        self.budget = budget
        credit = Double(budget.eventBurst)
        updated = now
    }

    /// An event of so many bytes was read: how long to wait before the next one is.
    mutating func take(bytes: Int, now: Duration) -> Duration {
        let rate = Double(max(1, budget.eventsPerSecond))
        credit = min(Double(budget.eventBurst), credit + max(.zero, now - updated) / .seconds(1) * rate)
        updated = now
        credit -= 1 + Double(bytes) / Double(max(1, budget.eventUnit))
        let wait = Duration.seconds(max(0, -credit / rate))
        guard wait >= Self.shortestWait else {
            settle(now: now)
            return .zero
        }
        let since = waitsSince ?? now
        (waitsSince, lastWait) = (since, now)
        if now - since >= Self.patience { isExceeded = true }
        return wait
    }

    /// Call it from time to time as well: a server that fell silent is within its budget again.
    mutating func settle(now: Duration) {
        guard let lastWait, now - lastWait >= Self.calm else { return }
        (waitsSince, self.lastWait, isExceeded) = (nil, nil, false)
    }
}
