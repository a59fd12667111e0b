import Support

/// Keeps a client below the rate that its API server should have to bear. First come, first served.
public final class RateLimiter: Sendable {
    private let bucket: Locked<TokenBucket>
    private let now: @Sendable () -> Duration
    private let sleep: @Sendable (Duration) async throws -> Void

    /// `qps` requests a second in the long run, `burst` at once.
    public convenience init(qps: Double, burst: Int) { self.init(qps: qps, burst: burst, clock: ContinuousClock()) }

    public init<C: Clock>(qps: Double, burst: Int, clock: C) where C.Duration == Duration {
        let start = clock.now
        now = { start.duration(to: clock.now) }
        sleep = { try await clock.sleep(for: $0) }
        bucket = Locked(TokenBucket(qps: qps, burst: burst, now: .zero))
    }

    /// Returns when a request may go out. Throws when the task is cancelled; its place then goes to those who come later.
    public func acquire() async throws(CancellationError) {
        if Task.isCancelled { throw CancellationError() }
        let now = now()
        let wait = bucket.withLock { $0.reserve(now: now) }
        guard wait > .zero else { return }
        do {
            try await sleep(wait)
        } catch {
            let now = self.now()
            bucket.withLock { $0.cancel(now: now) }
            throw CancellationError()
        }
    }
}
