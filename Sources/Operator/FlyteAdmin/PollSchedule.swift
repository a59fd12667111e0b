import ControlLoop

/// When to poll flyteadmin: regularly, with a random spread so that several registries don't ask at the same time, and
/// less often while it can't be reached. A pure value.
struct PollSchedule: Sendable, Hashable {
    let interval: Duration
    private(set) var next = Duration.zero
    private var backoff: Backoff
    /// The same for a part that fails by itself, while flyteadmin answers.
    private var backoffOfPart: Backoff

    /// A tenth more or less.
    static let spread = 0.9...1.1

    init(interval: Duration) {
        self.interval = interval
        let policy = BackoffPolicy(base: .seconds(1), cap: max(.seconds(5), min(interval, .seconds(60))))
        (backoff, backoffOfPart) = (Backoff(policy), Backoff(policy))
    }

    /// Failures in a row.
    var failures: Int { backoff.failures }

    func isDue(_ now: Duration) -> Bool { now >= next }
    /// Whether a change may be handled between polls. It may not while the schedule waits after a failure.
    func mayAsk(_ now: Duration) -> Bool { failures == 0 || isDue(now) }

    /// - Parameter isPoll: false for a pass after a change, which does not delay the next poll.
    mutating func succeeded(_ now: Duration, isPoll: Bool, using random: inout some RandomNumberGenerator) {
        let hadFailed = failures > 0
        backoff.reset()
        if isPoll || hadFailed { next = now + interval * Double.random(in: Self.spread, using: &random) }
    }

    /// Somebody asked for it: the next pass is a poll, whatever the schedule waited for.
    mutating func callNow() { next = .zero }

    mutating func failed(_ now: Duration, retryAfter: Duration?, using random: inout some RandomNumberGenerator) {
        next = now + max(backoff.next(using: &random), retryAfter ?? .zero)
    }

    /// A part of a pass has failed, although flyteadmin answers: its notes can't be written. Only the next poll comes
    /// sooner, and ever later while that lasts. Changes go on.
    mutating func partFailed(_ now: Duration, using random: inout some RandomNumberGenerator) {
        next = min(next, now + backoffOfPart.next(using: &random))
    }
    mutating func partSucceeded() { backoffOfPart.reset() }
}

/// The rows that flyteadmin refused. Each is tried again at ever fewer polls, so that an unmended row causes hardly any
/// traffic.
struct Refusals: Sendable, Hashable {
    private struct Refusal: Sendable, Hashable {
        var message: String
        var times: Int
        var pollsToSkip: Int
    }
    static let mostPollsSkipped = 15
    private var refusals: [String: Refusal] = [:]

    /// The words of the refusal, while the step is not tried again.
    subscript(step: String) -> String? { refusals[step].flatMap { $0.pollsToSkip > 0 ? $0.message : nil } }

    mutating func add(_ step: String, _ message: String) {
        let times = (refusals[step]?.times ?? 0) + 1
        refusals[step] = Refusal(
            message: message, times: times, pollsToSkip: min(1 << min(times - 1, 10), Self.mostPollsSkipped))
    }
    mutating func remove(_ step: String) { refusals[step] = nil }

    /// Tries all steps again at the next pass.
    mutating func retryAll() { for step in refusals.keys { refusals[step]?.pollsToSkip = 0 } }

    mutating func polled() { for step in refusals.keys { refusals[step]?.pollsToSkip -= 1 } }
    /// Forgets steps that are no longer needed.
    mutating func retain(_ steps: Set<String>) { refusals = refusals.filter { steps.contains($0.key) } }
}
