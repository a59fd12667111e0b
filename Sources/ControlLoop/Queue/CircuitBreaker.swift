/// Keeps requests away from a server that does not answer, as a value.
///
/// ```
/// closed ── N failures in a row ──► open ── probe succeeded ──► halfOpen ── M successes ──► closed
///                                    ▲ ◄──── any probe failed ────┘
/// ```
///
/// While it is closed, requests pass. A probe may always pass. Only probes open or close it, because one broken
/// connection fails many requests and is not an outage. The caller sends the next probe sooner when it sees a request
/// fail.
public struct CircuitBreaker: Sendable, Hashable {
    public struct Configuration: Sendable, Hashable {
        /// Failed probes in a row that open it.
        public var failuresToOpen: Int
        /// Successful probes in a row that close it again.
        public var successesToClose: Int
        /// The time from the start of one probe to the start of the next, while closed and while open.
        public var probeInterval: Duration
        /// The same while half-open. It is short, since a server that is back should not wait for a second interval.
        public var halfOpenInterval: Duration

        public init(
            failuresToOpen: Int = 3, successesToClose: Int = 2, probeInterval: Duration = .seconds(10),
            halfOpenInterval: Duration = .milliseconds(500)
        ) {
            self.failuresToOpen = max(1, failuresToOpen)
            self.successesToClose = max(1, successesToClose)
            self.probeInterval = probeInterval
            self.halfOpenInterval = halfOpenInterval
        }
    }

    public enum State: Sendable, Hashable {
        case closed(failures: Int)
        case open
        case halfOpen(successes: Int)
    }

    public enum Event: Sendable, Hashable {
        case probeSucceeded, probeFailed
    }

    /// What the caller must do after a transition.
    public enum Action: Sendable, Hashable {
        /// Let callers fail at once, pause watchers and the queue, and drop connections.
        case open
        /// Resume everything at once and clear the backoff of what failed.
        case close
    }

    public let configuration: Configuration
    public private(set) var state = State.closed(failures: 0)

    public init(_ configuration: Configuration = Configuration()) { self.configuration = configuration }

    /// Whether a request may be sent. A probe may always be sent.
    public var allowsRequests: Bool { if case .closed = state { true } else { false } }

    /// Whether the last probe failed.
    public var hasFailed: Bool { state != .closed(failures: 0) }

    /// From the start of one probe to the start of the next.
    public var probeDelay: Duration {
        if case .halfOpen = state { configuration.halfOpenInterval } else { configuration.probeInterval }
    }

    /// Takes the outcome of a probe into account. Returns what the caller must do.
    public mutating func record(_ event: Event) -> Action? {
        switch (state, event) {
        case (.closed, .probeSucceeded):
            state = .closed(failures: 0)
        case (.closed(let failures), .probeFailed):
            guard failures + 1 >= configuration.failuresToOpen else {
                state = .closed(failures: failures + 1)
                return nil
            }
            state = .open
            return .open
        case (.open, .probeSucceeded):
            return succeeded(1)
        case (.halfOpen(let successes), .probeSucceeded):
            return succeeded(successes + 1)
        case (.halfOpen, .probeFailed):
            state = .open
        case (.open, .probeFailed): break
        }
        return nil
    }

    private mutating func succeeded(_ successes: Int) -> Action? {
        guard successes >= configuration.successesToClose else {
            state = .halfOpen(successes: successes)
            return nil
        }
        state = .closed(failures: 0)
        return .close
    }
}
