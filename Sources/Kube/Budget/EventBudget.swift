/// How fast this client reads watch events of one server. A pure value. It decides what the server may send at once and
/// how long the client waits after that, and whether the server has been over its budget for so long that people should
/// know.
struct EventBudget: Sendable {
    private let budget: Budget
    /// The events that may be read at once. A negative credit is a debt, and the client waits until it is worked off.
    private var credit: Double
    private var updated: Duration
    /// The time since which events wait without a longer pause in between, and the time of the last wait.
    private var waitsSince: Duration?
    private var lastWait: Duration?
    private(set) var isExceeded = false

    /// The excess is reported after it has lasted for `patience`, and its end after `calm`.
    static let patience = Duration.seconds(2)
    static let calm = Duration.seconds(30)
    /// Shorter waits are added up.
    static let shortestWait = Duration.milliseconds(10)

    init(_ budget: Budget, now: Duration) {
        self.budget = budget
        credit = Double(budget.eventBurst)
        updated = now
    }

    /// Takes account of an event of that many bytes. Returns how long to wait before the next event is read.
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

    /// Call it from time to time as well: a server that has fallen silent is within its budget again.
    mutating func settle(now: Duration) {
        guard let lastWait, now - lastWait >= Self.calm else { return }
        (waitsSince, self.lastWait, isExceeded) = (nil, nil, false)
    }
}
