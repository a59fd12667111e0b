import Support

/// Decides when the Secret's token is replaced by a newer one of the same account. A pure value.
public struct WriteBackSchedule: Sendable {
    /// The time between two attempts. A Secret that is not ours to write stays so for long, and a conflict is over
    /// soon.
    static let gap = Duration.seconds(60)

    private var token: Sensitive?
    /// Nil if the token never expires.
    private var due: Duration?
    private var lastTry: Duration?

    public init() {}

    /// Takes the Secret's present token. True if it is new.
    ///
    /// - Parameter jitter: between 0 and 1, for 70 to 80 % of its life.
    public mutating func seed(
        _ token: Sensitive?, _ lifetime: Lifetime?, now: Duration, date: Instant, jitter: Double
    ) -> Bool {
        guard token != self.token else { return false }
        self.token = token
        due = nil
        guard token != nil, let lifetime else { return true }
        let rest = lifetime.end.instant - date
        // A token that does not say when its life began is taken to begin now.
        let life = max(rest, lifetime.end.instant - (lifetime.start?.instant ?? date))
        let wait = rest - life * (0.3 - 0.1 * jitter)
        due = now + .seconds(min(max(0, wait), 366 * 86_400))
        return true
    }

    public var nextTry: Duration? { due.map { due in lastTry.map { max(due, $0 + Self.gap) } ?? due } }

    /// The token to replace, if it is time for that.
    ///
    /// - Parameter isHeld: the registry is in Observe, which writes nothing. The next attempt follows after the usual
    ///   gap.
    public mutating func take(now: Duration, isHeld: Bool = false) -> Sensitive? {
        guard let nextTry, nextTry <= now, let token else { return nil }
        lastTry = now
        return isHeld ? nil : token
    }
}
