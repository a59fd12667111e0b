/// How many requests may go out: `qps` a second in the long run, `burst` at once. A pure value; time is given.
///
/// Reservations: whoever comes takes a token even where there is none, and is told how long to wait for it. So the order
/// of arrival is the order of leaving, and no queue is needed.
struct TokenBucket: Sendable, Hashable {
    let qps: Double
    let burst: Double
    /// Negative: that many are waiting.
    private(set) var tokens: Double
    private var updated: Duration

    /// Values that make no sense become the smallest that do: one request at a time, one in 1000 seconds.
    init(qps: Double, burst: Int, now: Duration) {
        self.qps = qps.isFinite ? max(qps, 0.001) : 1e9
        self.burst = Double(max(burst, 1))
        tokens = self.burst
        updated = now
    }

    /// Takes a token; answers how long to wait before using it.
    mutating func reserve(now: Duration) -> Duration {
        refill(now: now)
        tokens -= 1
        return tokens >= 0 ? .zero : .seconds(-tokens / qps)
    }

    /// Gives back a token that will not be used.
    mutating func cancel(now: Duration) {
        refill(now: now)
        tokens = min(tokens + 1, burst)
    }

    private mutating func refill(now: Duration) {
        guard now > updated else { return }
        tokens = min(burst, tokens + (now - updated) / .seconds(1) * qps)
        updated = now
    }
}
