/// The clock of the control loop: the time since the timeline was made, and a sleep.
///
/// Pure states take `now: Duration` as a parameter, so that they need neither a clock nor a generic parameter for one.
/// Don't compare values of different timelines. Everything in one operator shares one timeline.
public struct Timeline: Sendable {
    private let read: @Sendable () -> Duration
    private let rest: @Sendable (Duration) async throws -> Void

    public init<C: Clock<Duration>>(_ clock: C) {
        let origin = clock.now
        read = { origin.duration(to: clock.now) }
        rest = { try await clock.sleep(until: origin.advanced(by: $0), tolerance: nil) }
    }

    /// The real clock. `ContinuousClock` goes on while the machine is suspended (`CLOCK_BOOTTIME` on Linux), and a
    /// change of the calendar does not move it. Leadership and leases need both.
    public static let continuous = Timeline(ContinuousClock())

    /// The time since the timeline was made. It never goes back.
    public var now: Duration { read() }

    /// Returns at `deadline`. Returns true if the task is cancelled before that.
    @discardableResult
    public func sleep(until deadline: Duration) async -> Bool {
        do {
            try await rest(deadline)
            return false
        } catch {
            return true  // a clock's sleep fails only by cancellation
        }
    }
}

extension Duration {
    /// The duration within a range, for values from a server: a hostile `Retry-After` must neither stop a loop nor
    /// overflow.
    func clamped(to range: ClosedRange<Duration>) -> Duration { min(max(self, range.lowerBound), range.upperBound) }
}
