import Support

/// The right to write, for as long as a term lasts. Writers ask it right before each write.
///
/// It ends by itself: a leader that was paused (or whose machine was suspended) finds it over when it wakes, before it
/// has heard of anybody else. It is never valid again afterwards, even if the same process is elected anew: that is
/// another `Leadership`.
///
/// Caveat: it can't recall a request that has been sent. Keep the time limits of writes below the difference between
/// lease duration and renew deadline (5 s by default), or let them tolerate a successor.
public final class Leadership: Sendable {
    private let timeline: Timeline
    /// Nil once it has been revoked.
    private let end: Locked<Duration?>

    init(until end: Duration, timeline: Timeline) {
        self.timeline = timeline
        self.end = Locked(end)
    }

    /// For operators that run without election: there is one of them only.
    public static func unlimited(timeline: Timeline = .continuous) -> Leadership {
        Leadership(until: .seconds(Int64.max / 4), timeline: timeline)
    }

    public var isValid: Bool {
        let now = timeline.now
        return end.withLock { end in
            guard let until = end else { return false }
            if now < until { return true }
            end = nil  // a renewal whose answer comes too late can't bring it back
            return false
        }
    }

    /// False if it was over already.
    func extend(until end: Duration) -> Bool {
        guard isValid else { return false }
        return self.end.withLock { current in
            guard current != nil else { return false }
            current = end
            return true
        }
    }

    func revoke() { end.withLock { $0 = nil } }
}
