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
    /// How long the longest waiting key has been ready; zero for an empty queue. A key that was raised to a higher
    /// priority counts from then.
    public var oldestAge: Duration = .zero
    /// Keys put into the queue; an add to a key that waits already is not counted.
    public var added: UInt64 = 0
    public var handedOut: UInt64 = 0
    public var failures: UInt64 = 0

    public init() {}
}
