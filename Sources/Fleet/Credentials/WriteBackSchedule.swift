import Support

/// When the Secret's token is replaced by a newer one of the same account. A pure value.
public struct WriteBackSchedule: Sendable {
    /// From one try to the next. What is not ours to write stays so for long; a conflict is over soon.
    static let gap = Duration.seconds(60)

    private var token: Sensitive?
    /// Nil where the token does not end.
    private var due: Duration?
    private var lastTry: Duration?

    public init() {}

    /// The Secret's token, as it is now. True where that is news.
    ///
    /// - Parameter jitter: between 0 and 1: from 70 to 80 % of its life.
    public mutating func seed(
        _ token: Sensitive?, _ lifetime: Lifetime?, now: Duration, date: Instant, jitter: Double
    ) -> Bool {
        guard token != self.token else { return false }
        self.token = token
        due = nil
        guard token != nil, let lifetime else { return true }
        let rest = lifetime.end.instant - date
        // What does not say when it began is taken to begin now.
        let life = max(rest, lifetime.end.instant - (lifetime.start?.instant ?? date))
        let wait = rest - life * (0.3 - 0.1 * jitter)
        due = now + .seconds(min(max(0, wait), 366 * 86_400))
        return true
    }

    public var nextTry: Duration? { due.map { due in lastTry.map { max(due, $0 + Self.gap) } ?? due } }

    /// The token to replace, where it is time for that.
    ///
    /// - Parameter isHeld: the registry is in Observe, which writes nothing. It is asked again after a while.
    public mutating func take(now: Duration, isHeld: Bool = false) -> Sensitive? {
        guard let nextTry, nextTry <= now, let token else { return nil }
        lastTry = now
        return isHeld ? nil : token
    }
}
