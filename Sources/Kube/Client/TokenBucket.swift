/// How many requests may go out: `qps` a second in the long run, `burst` at once. A pure value; the caller passes the
/// time.
package struct TokenBucket: Sendable, Hashable {
    let qps: Double
    let burst: Double
    private(set) var tokens: Double
    private var updated: Duration

    /// A rate below one in 1000 seconds becomes that, and a burst below 1 becomes 1. A rate that is infinite or not a
    /// number becomes a billion a second.
    package init(qps: Double, burst: Int, now: Duration) {
        self.qps = qps.isFinite ? max(qps, 0.001) : 1e9
        self.burst = Double(max(burst, 1))
        tokens = self.burst
        updated = now
    }

    /// Takes a token. False if there is none.
    package mutating func take(now: Duration) -> Bool {
        refill(now: now)
        // Times are rounded, so a token counts as whole if at most a ten-thousandth is missing.
        guard tokens >= 0.9999 else { return false }
        tokens -= 1
        return true
    }

    /// The time until there is a token. Zero while there is one.
    package mutating func delay(now: Duration) -> Duration {
        refill(now: now)
        return tokens >= 0.9999 ? .zero : .seconds((1 - tokens) / qps)
    }

    /// Gives back a token that will not be used.
    mutating func giveBack(now: Duration) {
        refill(now: now)
        tokens = min(tokens + 1, burst)
    }

    /// Whether a new bucket would be the same, since nothing has been taken for that long.
    package func isFull(now: Duration) -> Bool {
        tokens + max(.zero, now - updated) / .seconds(1) * qps >= burst
    }

    private mutating func refill(now: Duration) {
        guard now > updated else { return }
        tokens = min(burst, tokens + (now - updated) / .seconds(1) * qps)
        updated = now
    }
}
