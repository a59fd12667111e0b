import KubeObjects
import Support

/// The time in which a token or certificate is valid.
public struct Lifetime: Sendable, Hashable {
    /// Nil if it does not say.
    public var start: Timestamp?
    public var end: Timestamp

    public init(start: Timestamp? = nil, end: Timestamp) {
        self.start = start
        self.end = end
    }

    /// 14 days in seconds.
    private static let longestWarning = 14 * 86_400.0

    /// How many seconds before its end a warning is due: a tenth of its life, at most 14 days. A credential that is
    /// renewed in time never comes so near: a token of an hour that is replaced every 50 minutes causes no warning.
    var warningTime: Double {
        guard let start, start < end else { return Self.longestWarning }
        return min(Self.longestWarning, (end.instant - start.instant) / 10)
    }
}

/// How near the end of a token or certificate is. Each stage gives one warning.
public enum ExpiryStage: Int, Sendable, Hashable, Comparable, CaseIterable {
    case soon, week, day, expired

    /// The stage begins when at most this many days are left.
    public var days: Int {
        switch self {
        case .soon: 14
        case .week: 7
        case .day: 1
        case .expired: 0
        }
    }

    /// The seconds before the end at which the stage begins. In a short life several begin together, and the last one
    /// counts.
    private func margin(_ lifetime: Lifetime) -> Double { min(lifetime.warningTime, Double(days) * 86_400) }

    /// Nil if more than a tenth of its life or more than 14 days are left, or if it never expires.
    public static func of(_ lifetime: Lifetime?, now: Instant) -> ExpiryStage? {
        guard let lifetime else { return nil }
        return allCases.last { lifetime.end.instant - now <= $0.margin(lifetime) }
    }

    /// When the next stage begins. Nil if there is none.
    public static func next(_ lifetime: Lifetime?, now: Instant) -> Instant? {
        guard let lifetime else { return nil }
        return allCases.map { lifetime.end.instant + -$0.margin(lifetime) }.first { $0 > now }
    }

    public static func < (left: ExpiryStage, right: ExpiryStage) -> Bool { left.rawValue < right.rawValue }
}

/// A warning about the end of a credential, which was given.
public struct ExpiryWarning: Sendable, Hashable, Codable {
    public enum Credential: String, Sendable, Hashable, Codable, CaseIterable { case token, caCert }
    public var credential: Credential
    /// The end of that credential. A renewed credential has another one.
    public var expirationTime: Timestamp
    /// 14, 7, 1 or 0.
    public var days: Int

    /// The warnings that are due or were given: the latest one for each credential. A warning stays given for the same
    /// end, even if the clock was set back or the credential was missing for a while, so that no stage gives two
    /// warnings.
    ///
    /// - Parameter areKnown: whether there are usable credentials. If they never expire, no warning is kept.
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
        // The time left is in words, since events whose texts differ only in numbers are shown as one.
        switch days {
        case 0: return "\(what) has expired, at \(expirationTime)"
        case 1: return "\(what) expires at \(expirationTime), within a day"
        case 2...7: return "\(what) expires at \(expirationTime), within a week"
        default: return "\(what) expires at \(expirationTime), within two weeks"
        }
    }
}

extension ExpiryStage {
    /// What ends soon, for a condition's message. Empty if nothing does.
    public static func warnings(_ token: Lifetime?, _ caCert: Lifetime?, now: Instant) -> [String] {
        [("the token", token), ("a CA certificate", caCert)].compactMap { what, lifetime in
            guard let lifetime, let stage = of(lifetime, now: now) else { return nil }
            return "\(what) \(stage == .expired ? "expired" : "expires") at \(lifetime.end)"
        }
    }
}
