#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A point in calendar time: seconds since 1970-01-01T00:00:00Z. Use it for the times in certificates, tokens and
/// Kubernetes timestamps. Measure durations with a `Clock` (a `ContinuousClock` outside of tests).
public struct Instant: Sendable, Hashable, Comparable {
    public var secondsSince1970: Double
    public init(secondsSince1970: Double) { self.secondsSince1970 = secondsSince1970 }

    public static func < (left: Instant, right: Instant) -> Bool { left.secondsSince1970 < right.secondsSince1970 }
    public static func + (left: Instant, seconds: Double) -> Instant {
        Instant(secondsSince1970: left.secondsSince1970 + seconds)
    }
    public static func - (left: Instant, right: Instant) -> Double { left.secondsSince1970 - right.secondsSince1970 }
}

/// Tells the calendar time. It is injected, so that a test can set the date.
public struct WallClock: Sendable {
    private let read: @Sendable () -> Instant
    public init(_ read: @escaping @Sendable () -> Instant) { self.read = read }
    public var now: Instant { read() }

    public static let system = WallClock {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Instant(secondsSince1970: Double(time.tv_sec) + Double(time.tv_nsec) / 1e9)
    }
}
