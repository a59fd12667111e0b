import ControlLoop

/// When to look at flyteadmin: regularly, spread by chance so that several registries don't ask in step, and with a
/// growing distance while it can't be reached. A pure value.
struct PollSchedule: Sendable, Hashable {
    let interval: Duration
    private(set) var next = Duration.zero
    private var backoff: Backoff

    /// A tenth either way.
    static let spread = 0.9...1.1

    init(interval: Duration) {
        self.interval = interval
        backoff = Backoff(BackoffPolicy(base: .seconds(1), cap: max(.seconds(5), min(interval, .seconds(60)))))
    }

    /// Failures in a row.
    var failures: Int { backoff.failures }

    func isDue(_ now: Duration) -> Bool { now >= next }
    /// Between polls it is asked when something has changed, but not while it is waited for.
    func mayAsk(_ now: Duration) -> Bool { failures == 0 || isDue(now) }

    /// - Parameter isPoll: what a change brought about does not put the next poll off.
    mutating func succeeded(_ now: Duration, isPoll: Bool, using random: inout some RandomNumberGenerator) {
        let hadFailed = failures > 0
        backoff.reset()
        if isPoll || hadFailed { next = now + interval * Double.random(in: Self.spread, using: &random) }
    }

    /// Somebody has asked for it: the next look is a poll, whatever was waited for.
    mutating func callNow() { next = .zero }

    mutating func failed(_ now: Duration, retryAfter: Duration?, using random: inout some RandomNumberGenerator) {
        next = now + max(backoff.next(using: &random), retryAfter ?? .zero)
    }
}

/// Rows that flyteadmin refused: asked again at ever fewer polls, so that what nobody mends makes no traffic to speak of.
struct Refusals: Sendable, Hashable {
    private struct Refusal: Sendable, Hashable {
        var message: String
        var times: Int
        var pollsToSkip: Int
    }
    static let mostPollsSkipped = 15
    private var refusals: [String: Refusal] = [:]

    /// What flyteadmin said, while it is not asked again.
    subscript(step: String) -> String? { refusals[step].flatMap { $0.pollsToSkip > 0 ? $0.message : nil } }

    mutating func add(_ step: String, _ message: String) {
        let times = (refusals[step]?.times ?? 0) + 1
        refusals[step] = Refusal(
            message: message, times: times, pollsToSkip: min(1 << min(times - 1, 10), Self.mostPollsSkipped))
    }
    mutating func remove(_ step: String) { refusals[step] = nil }

    /// All of them are asked again at the next look.
    mutating func retryAll() { for step in refusals.keys { refusals[step]?.pollsToSkip = 0 } }

    mutating func polled() { for step in refusals.keys { refusals[step]?.pollsToSkip -= 1 } }
    /// Forgets what is not to be done any more.
    mutating func retain(_ steps: Set<String>) { refusals = refusals.filter { steps.contains($0.key) } }
}
