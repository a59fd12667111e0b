import KubeObjects
import Support

/// A length of time as kubectl shows an age: one unit, rounded down.
enum Age {
    static func text(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e12 else { return "for ever" }
        let seconds = Int(max(0, seconds))
        if seconds < 120 { return "\(seconds)s" }
        if seconds < 120 * 60 { return "\(seconds / 60)m" }
        if seconds < 48 * 3600 { return "\(seconds / 3600)h" }
        return "\(seconds / 86_400)d"
    }

    static func since(_ time: Timestamp?, now: Instant) -> String { time.map { text(now - $0.instant) } ?? "" }

    /// "in 3d", "3d ago".
    static func until(_ time: Timestamp, now: Instant) -> String {
        let rest = time.instant - now
        return rest >= 0 ? "in \(text(rest))" : "\(text(-rest)) ago"
    }
}
