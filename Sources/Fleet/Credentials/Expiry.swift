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

    /// When the next stage begins; nil where there is none to come.
    public static func next(_ end: Timestamp?, now: Instant) -> Instant? {
        guard let end else { return nil }
        return allCases.map { end.instant + -Double($0.days) * 86_400 }.first { $0 > now }
    }

    public static func < (left: ExpiryStage, right: ExpiryStage) -> Bool { left.rawValue < right.rawValue }
}

/// A warning that was given about the end of a credential.
public struct ExpiryWarning: Sendable, Hashable, Codable {
    public enum Credential: String, Sendable, Hashable, Codable, CaseIterable { case token, caCert }
    public var credential: Credential
    /// Of the credential that it was about: a renewed one is another matter.
    public var expirationTime: Timestamp
    /// 30, 7, 1 or 0.
    public var days: Int

    /// All that are due or were given: one for each credential, the latest. What was given for the same end stays given,
    /// also where the calendar was set back since, or where the credential was away for a while: no step is warned of
    /// twice.
    ///
    /// - Parameter areKnown: whether there are usable credentials. Of those that have no end nothing is kept.
    static func given(
        _ token: Timestamp?, _ caCert: Timestamp?, now: Instant, before: [ExpiryWarning] = [], areKnown: Bool = true
    ) -> [ExpiryWarning] {
        [(Credential.token, token), (.caCert, caCert)].compactMap { credential, end in
            let last = before.first { $0.credential == credential && $0.expirationTime == end ?? $0.expirationTime }
            guard let end else { return areKnown ? nil : last }
            guard let stage = ExpiryStage.of(end, now: now) else { return last }
            let days = min(stage.days, last?.days ?? stage.days)
            return ExpiryWarning(credential: credential, expirationTime: end, days: days)
        }
    }

    public var message: String {
        let what = credential == .token ? "the token" : "a CA certificate"
        // In words: events whose texts differ in numbers only are shown as one.
        switch days {
        case 0: return "\(what) has expired, at \(expirationTime)"
        case 1: return "\(what) expires at \(expirationTime), within a day"
        case 2...7: return "\(what) expires at \(expirationTime), within a week"
        default: return "\(what) expires at \(expirationTime), within a month"
        }
    }
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
