/// How long to wait after the n-th failure in a row. The wait grows exponentially up to a cap. It is spread at random,
/// so that a fleet that failed together does not come back together.
public struct BackoffPolicy: Sendable, Hashable {
    public enum Jitter: Sendable, Hashable {
        /// Always the ceiling, for tests.
        case none
        /// Half of the ceiling, plus a random part of the other half. There is never a retry at once.
        case equal
        /// Anything from zero to the ceiling. This spreads most.
        case full
    }

    /// The ceiling after the first failure.
    public var base: Duration
    /// The factor by which each further failure raises the ceiling. Values below 1 count as 1.
    public var factor: Double
    /// The ceiling never exceeds it.
    public var cap: Duration
    public var jitter: Jitter

    public init(base: Duration, factor: Double = 2, cap: Duration, jitter: Jitter = .equal) {
        self.base = base
        self.factor = factor
        self.cap = cap
        self.jitter = jitter
    }

    /// The longest wait after `failures` failures in a row. Zero for no failure.
    public func ceiling(failures: Int) -> Duration {
        guard failures > 0 else { return .zero }
        let limit = cap.seconds
        var seconds = base.seconds
        // The loop stops at the cap, so a million failures neither overflow nor take a million steps. (A factor of 1
        // takes none.)
        guard factor > 1, seconds > 0 else { return min(base, cap) }
        var step = 1
        while step < failures, seconds < limit {
            seconds *= factor
            step += 1
        }
        return seconds < limit ? .seconds(seconds) : cap
    }

    /// The wait after `failures` failures in a row.
    public func delay(failures: Int, using random: inout some RandomNumberGenerator) -> Duration {
        let ceiling = ceiling(failures: failures)
        return switch jitter {
        case .none: ceiling
        case .equal: ceiling / 2 + ceiling / 2 * Double.random(in: 0...1, using: &random)
        case .full: ceiling * Double.random(in: 0...1, using: &random)
        }
    }
}

/// A policy and the failures so far.
public struct Backoff: Sendable, Hashable {
    public let policy: BackoffPolicy
    /// Failures in a row.
    public private(set) var failures = 0

    public init(_ policy: BackoffPolicy) { self.policy = policy }

    /// Counts a failure and says how long to wait.
    public mutating func next(using random: inout some RandomNumberGenerator) -> Duration {
        failures += 1
        return policy.delay(failures: failures, using: &random)
    }

    /// Call it after a success. The next failure then waits like a first one.
    public mutating func reset() { failures = 0 }
}
