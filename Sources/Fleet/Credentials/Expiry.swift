import KubeObjects
import Support

/// From when until when a token or certificate is good.
public struct Lifetime: Sendable, Hashable {
    /// Nil where it does not say so.
    public var start: Timestamp?
    public var end: Timestamp

    public init(start: Timestamp? = nil, end: Timestamp) {
        self.start = start
        self.end = end
    }

    /// In seconds: 14 days.
    private static let longestWarning = 14 * 86_400.0

    /// So many seconds before its end, the end is worth a warning: a tenth of its life, at most 14 days. What is renewed in
    /// time never comes so near: a token of an hour that is replaced every 50 minutes warns of nothing.
    var warningTime: Double {
        guard let start, start < end else { return Self.longestWarning }
        return min(Self.longestWarning, (end.instant - start.instant) / 10)
    }
}

/// How near the end of a token or certificate is: each step is worth one warning.
public enum ExpiryStage: Int, Sendable, Hashable, Comparable, CaseIterable {
    case soon, week, day, expired

    /// At most so many days are left.
    public var days: Int {
        switch self {
        case .soon: 14
        case .week: 7
        case .day: 1
        case .expired: 0
        }
    }

    /// Seconds before the end at which the stage begins. Of a short life several begin together: the last of them counts.
    private func margin(_ lifetime: Lifetime) -> Double { min(lifetime.warningTime, Double(days) * 86_400) }

    /// Nil while more than a tenth of its life, or more than 14 days, are left, or where there is no end.
    public static func of(_ lifetime: Lifetime?, now: Instant) -> ExpiryStage? {
        guard let lifetime else { return nil }
        return allCases.last { lifetime.end.instant - now <= $0.margin(lifetime) }
    }

    /// When the next stage begins; nil where there is none to come.
    public static func next(_ lifetime: Lifetime?, now: Instant) -> Instant? {
        guard let lifetime else { return nil }
        return allCases.map { lifetime.end.instant + -$0.margin(lifetime) }.first { $0 > now }
    }

    public static func < (left: ExpiryStage, right: ExpiryStage) -> Bool { left.rawValue < right.rawValue }
}

/// A warning that was given about the end of a credential.
public struct ExpiryWarning: Sendable, Hashable, Codable {
    public enum Credential: String, Sendable, Hashable, Codable, CaseIterable { case token, caCert }
    public var credential: Credential
    /// Of the credential that it was about: a renewed one is another matter.
    public var expirationTime: Timestamp
    /// 14, 7, 1 or 0.
    public var days: Int

    /// All that are due or were given: one for each credential, the latest. What was given for the same end stays given,
    /// also where the calendar was set back since, or where the credential was away for a while: no step is warned of
    /// twice.
    ///
    /// - Parameter areKnown: whether there are usable credentials. Of those that have no end nothing is kept.
    static func given(
        _ token: Lifetime?, _ caCert: Lifetime?, now: Instant, before: [ExpiryWarning] = [], areKnown: Bool = true
    ) -> [ExpiryWarning] {
        [(Credential.token, token), (.caCert, caCert)].compactMap { credential, lifetime in
            let end = lifetime?.end
            let last = before.first { $0.credential == credential && $0.expirationTime == end ?? $0.expirationTime }
            guard let end else { return areKnown ? nil : last }
            guard let stage = ExpiryStage.of(lifetime, now: now) else { return last }
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
        default: return "\(what) expires at \(expirationTime), within two weeks"
        }
    }
}

extension ExpiryStage {
    /// For a condition's message: what ends soon; empty while nothing does.
    public static func warnings(_ token: Lifetime?, _ caCert: Lifetime?, now: Instant) -> [String] {
        [("the token", token), ("a CA certificate", caCert)].compactMap { what, lifetime in
            guard let lifetime, let stage = of(lifetime, now: now) else { return nil }
            return "\(what) \(stage == .expired ? "expired" : "expires") at \(lifetime.end)"
        }
    }
}
