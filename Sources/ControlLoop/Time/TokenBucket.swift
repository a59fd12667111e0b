/// A rate limit as a value: `burst` at once, `rate` per second in the long run.
struct TokenBucket: Sendable, Hashable {
    let rate: Double
    let burst: Double
    private var tokens: Double
    private var filled: Duration

    init(rate: Double, burst: Int, now: Duration) {
        self.rate = rate
        self.burst = Double(burst)
        tokens = Double(burst)
        filled = now
    }

    /// Takes a token. Nil: taken; else the time when there will be one.
    mutating func take(now: Duration) -> Duration? {
        if now > filled {
            tokens = min(burst, tokens + (now - filled).seconds * rate)
            filled = now
        }
        if tokens >= 1 {
            tokens -= 1
            return nil
        }
        // Rounded up by a millisecond, so that the one who waits for it finds a whole token.
        return filled + .seconds((1 - tokens) / rate) + .milliseconds(1)
    }

    /// Nothing has been taken for so long that a new bucket would be the same.
    func isFull(now: Duration) -> Bool { tokens + max(0, (now - filled).seconds) * rate >= burst }
}
