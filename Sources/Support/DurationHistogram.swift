/// Counts durations in buckets, as Prometheus' histograms do. Its size depends only on the bounds.
public struct DurationHistogram: Sendable, Hashable {
    /// Upper bounds in rising order; above the last one is `+Inf`.
    public let bounds: [Duration]
    /// The count of each bucket alone. `+Inf` is the last one.
    private var counts: [UInt64]
    public private(set) var sum: Duration = .zero

    public init(_ bounds: [Duration] = Self.work) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    public mutating func observe(_ duration: Duration) {
        let duration = max(.zero, duration)
        counts[bounds.firstIndex { duration <= $0 } ?? bounds.count] += 1
        sum += duration
    }

    public var count: UInt64 { counts.reduce(0, +) }

    /// How many durations were at most as long as each bound. The last number counts all.
    public var cumulative: [UInt64] {
        var total: UInt64 = 0
        return counts.map { count in
            total += count
            return total
        }
    }

    /// Both must have the same bounds.
    public static func += (left: inout Self, right: Self) {
        precondition(left.bounds == right.bounds)
        for index in left.counts.indices { left.counts[index] += right.counts[index] }
        left.sum += right.sum
    }

    /// For steps within the process: from a millisecond to a minute.
    public static let work = [1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000]
        .map(Duration.milliseconds)
    /// For requests over a network with a time limit of a minute at most.
    public static let requests = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000]
        .map(Duration.milliseconds)
    /// For what goes through several clusters: from a tenth of a second to an hour.
    public static let fleet = [100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 900_000, 3_600_000]
        .map(Duration.milliseconds)
}
