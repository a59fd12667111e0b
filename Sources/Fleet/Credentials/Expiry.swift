import KubeObjects
import Support

/// How near the end of a token or certificate is: each step is worth one warning.
public enum ExpiryStage: Int, Sendable, Hashable, Comparable, CaseIterable {
    case month, week, day, expired

    /// Days before the end at which the stage begins.
    public var days: Int {
        switch self {
        case .month: 30
        case .week: 7
        case .day: 1
        case .expired: 0
        }
    }

    /// Nil while there is more time than a month, or no end.
    public static func of(_ end: Timestamp?, now: Instant) -> ExpiryStage? {
        guard let end else { return nil }
        return allCases.last { end.instant - now <= Double($0.days) * 86_400 }
    }

    /// The warning that is due: the stage now, where it has not been given yet. A renewal starts over (`given` nil).
    public static func due(end: Timestamp?, given: ExpiryStage?, now: Instant) -> ExpiryStage? {
        guard let stage = of(end, now: now) else { return nil }
        return given.map { $0 < stage } ?? true ? stage : nil
    }

    public static func < (left: ExpiryStage, right: ExpiryStage) -> Bool { left.rawValue < right.rawValue }
}

extension Credentials {
    /// For a condition's message: what ends soon; empty while nothing does.
    public func warnings(now: Instant) -> [String] {
        [("the token", tokenExpirationTime), ("a CA certificate", caExpirationTime)].compactMap { what, end in
            guard let end, let stage = ExpiryStage.of(end, now: now) else { return nil }
            return stage == .expired ? "\(what) expired at \(end)" : "\(what) expires at \(end)"
        }
    }
}
