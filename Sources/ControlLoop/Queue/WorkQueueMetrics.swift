import Support

/// A queue at one moment, and its counters since it was made.
public struct WorkQueueMetrics: Sendable, Hashable {
    /// Keys that could be handed out now.
    public var depth = 0
    /// Keys handed out and not finished.
    public var inFlight = 0
    /// Keys that wait for their time, those in backoff included.
    public var delayed = 0
    /// Keys whose last attempt failed, wherever they are.
    public var retrying = 0
    /// How long the longest waiting key has been ready. Zero for an empty queue. For a key that was raised to a higher
    /// priority, the time counts from then.
    public var oldestAge: Duration = .zero
    /// Keys put into the queue. An add to a key that waits already does not count.
    public var added: UInt64 = 0
    public var handedOut: UInt64 = 0
    public var failures: UInt64 = 0
    /// How long keys were ready before they were handed out.
    public var waited = DurationHistogram()
    /// How long they were in flight.
    public var worked = DurationHistogram()
    /// The sum of the times that the keys in flight have taken so far, and the longest of them.
    public var unfinished: Duration = .zero
    public var longestUnfinished: Duration = .zero

    public init() {}

    /// Adds up two queues as if they were one.
    public static func += (left: inout Self, right: Self) {
        left.depth += right.depth
        left.inFlight += right.inFlight
        left.delayed += right.delayed
        left.retrying += right.retrying
        left.oldestAge = max(left.oldestAge, right.oldestAge)
        left.added += right.added
        left.handedOut += right.handedOut
        left.failures += right.failures
        left.waited += right.waited
        left.worked += right.worked
        left.unfinished += right.unfinished
        left.longestUnfinished = max(left.longestUnfinished, right.longestUnfinished)
    }

    /// The counters alone. They outlive a queue that ended.
    public var counted: Self {
        var counted = Self()
        (counted.added, counted.handedOut, counted.failures) = (added, handedOut, failures)
        (counted.waited, counted.worked) = (waited, worked)
        return counted
    }
}
