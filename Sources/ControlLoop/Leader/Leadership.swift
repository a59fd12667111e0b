import Support

/// The right to write during a term. Writers ask it right before each write.
///
/// It ends by itself. A leader that was paused (or whose machine was suspended) finds it ended when it wakes, before it
/// has heard of another leader. It is never valid again, even if the same process is elected again: that gives another
/// `Leadership`.
///
/// Caveat: it can't recall a request that has been sent. Keep the time limits of writes below the difference between
/// lease duration and renew deadline (5 s by default), or make writes that tolerate a successor.
public final class Leadership: Sendable {
    private let timeline: Timeline
    /// Nil after it was revoked.
    private let end: Locked<Duration?>

    init(until end: Duration, timeline: Timeline) {
        self.timeline = timeline
        self.end = Locked(end)
    }

    /// For an operator that runs without election, as the only one.
    public static func unlimited(timeline: Timeline = .continuous) -> Leadership {
        Leadership(until: .seconds(Int64.max / 4), timeline: timeline)
    }

    public var isValid: Bool {
        let now = timeline.now
        return end.withLock { end in
            guard let until = end else { return false }
            if now < until { return true }
            end = nil  // a renewal whose answer comes too late does not bring it back
            return false
        }
    }

    /// False if it had already ended.
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
