/// How many requests an API server has in hand from us at a time. A pure value; the caller passes the time.
///
/// The window grows while the server answers as fast as ever, and shrinks when the server slows down or answers 429. It
/// is for servers that share their time fairly among their clients (API Priority and Fairness). A fixed rate would only
/// make us slower there.
///
/// A round is as many answers as the window is wide. After each round:
/// - The mean time of the round's answers was more than three times that of the best recent round, and by more than 50 ms: the
///   window shrinks to seven tenths. It stays at eight at least. An answer may be slow for another reason than our requests,
///   such as a webhook, and then a narrower window would only be slower.
/// - Otherwise, if requests had to wait for the window, it grows by a quarter.
///
/// A 429 halves the window, down to one, at most once a second. A single one may be about one object only. So `Retry-After`
/// closes the window for that time from the second 429 on that comes without an answer in between.
struct FlightWindow: Sendable, Hashable {
    static let smallest = 1.0
    static let smallestForLatency = 8.0
    static let first = 32.0
    static let largest = 64.0
    /// A best round counts for one to two of these.
    static let memory = Duration.seconds(60)
    /// A single refusal closes the window for no longer than this, whatever the server says. The caller of the refused
    /// request waits for the whole `Retry-After`.
    static let longestPause = Duration.seconds(60)

    private var width = FlightWindow.first
    private var answers = 0
    private var time = Duration.zero
    private var wasFull = false
    private var halvedAt: Duration?
    private var refusedInARow = 0
    private var slot: Int64 = 0
    private var best: Duration?
    private var bestBefore: Duration?
    /// Nothing goes out before this time.
    private(set) var closedUntil = Duration.zero

    /// How many requests may be in flight.
    var limit: Int { Int(width) }

    /// A request waits because the window is full.
    mutating func isNeeded() { wasFull = true }

    /// A write was answered, whether it succeeded or failed.
    mutating func answered(after took: Duration, now: Duration) {
        answers += 1
        time += took
        refusedInARow = 0
        guard answers >= max(limit, 8) else { return }
        let mean = time / answers
        (answers, time) = (0, .zero)
        defer { wasFull = false }
        let best = note(mean, now: now)
        if mean > best * 3, mean - best > .milliseconds(50) {
            if width > Self.smallestForLatency { width = max(Self.smallestForLatency, width * 0.7) }
        } else if wasFull {
            width = min(Self.largest, width * 1.25 + 1)
        }
    }

    /// A request was refused because the server has too much to do.
    mutating func refused(retryAfter: Duration?, now: Duration) {
        refusedInARow = min(refusedInARow + 1, 2)
        if refusedInARow > 1, let retryAfter {
            closedUntil = max(closedUntil, now + min(max(retryAfter, .zero), Self.longestPause))
        }
        if let halvedAt, now - halvedAt < .seconds(1) { return }
        (answers, time, halvedAt) = (0, .zero, now)
        width = max(Self.smallest, width / 2)
    }

    /// The best mean of this minute and the one before. What was measured earlier says nothing of today's server.
    private mutating func note(_ mean: Duration, now: Duration) -> Duration {
        let current = now.components.seconds / Self.memory.components.seconds
        if current != slot {
            bestBefore = current == slot + 1 ? best : nil
            (best, slot) = (nil, current)
        }
        best = min(best ?? mean, mean)
        return min(best ?? mean, bestBefore ?? mean)
    }
}
