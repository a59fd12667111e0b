/// A clock as the control loop uses it: now, as the time since the timeline was made, and a sleep.
///
/// Pure states take `now: Duration` as a parameter, so that they need no clock and no generic parameter for one. Values
/// of different timelines must not be compared; everything of one operator shares one.
public struct Timeline: Sendable {
    private let read: @Sendable () -> Duration
    private let rest: @Sendable (Duration) async throws -> Void

    public init<C: Clock<Duration>>(_ clock: C) {
        let origin = clock.now
        read = { origin.duration(to: clock.now) }
        rest = { try await clock.sleep(until: origin.advanced(by: $0), tolerance: nil) }
    }

    /// The real one. `ContinuousClock` goes on while the machine is suspended (`CLOCK_BOOTTIME` on Linux) and no
    /// change of the calendar time moves it: what leadership and leases need.
    public static let continuous = Timeline(ContinuousClock())

    /// Time since the timeline was made. Never goes back.
    public var now: Duration { read() }

    /// Returns at `deadline` or, with true, when the task is cancelled before it.
    @discardableResult
    public func sleep(until deadline: Duration) async -> Bool {
        do {
            try await rest(deadline)
            return false
        } catch {
            return true  // a clock's sleep fails for cancellation only
        }
    }
}

extension Duration {
    /// Kept inside of a range, for what a server says: a hostile `Retry-After` must neither stop a loop nor overflow.
    func clamped(to range: ClosedRange<Duration>) -> Duration { min(max(self, range.lowerBound), range.upperBound) }
}
