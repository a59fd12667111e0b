import Support

/// A token that was issued on request.
public struct IssuedToken: Sendable, Hashable {
    public var value: Sensitive
    /// How long the token is valid by the answer, not by the request.
    public var life: Duration
    /// The same as calendar times, for statuses and warnings.
    public var lifetime: Lifetime?

    public init(_ value: Sensitive, life: Duration, lifetime: Lifetime? = nil) {
        self.value = value
        self.life = life
        self.lifetime = lifetime
    }
}

/// Decides which token of a data plane is in use, and when to request the next one. A pure value. Each `now` is a time
/// of the same monotonic clock.
///
/// ```
/// first (the Secret's) ── issued ──► own ── renewed at 70 to 80 % of its life ──► own …
///        ▲                            │
///        └── it ended, or two 401 ────┘     refused as well: nothing works
/// ```
/// With providers without a first token (clouds), a refused token of our own stays in use until there is another.
public struct TokenRenewal: Sendable {
    public struct Policy: Sendable {
        /// A token is renewed after this share of its life. The jitter picks a point in the range.
        public var share = 0.7...0.8
        /// The least time between two attempts.
        public var gap = Duration.seconds(30)
        /// After failures the gap doubles, up to this.
        public var longestGap = Duration.seconds(300)
        /// Whether the data plane itself issues the tokens, on requests with the token in use. It gets such requests
        /// only while probes succeed: none while its API server is away or refuses the token.
        public var asksDataPlane = false

        public init(asksDataPlane: Bool = false) { self.asksDataPlane = asksDataPlane }
    }

    /// What a probe says about the token in use.
    public enum Answer: Sendable, Hashable {
        case accepted
        case refused
        /// There was no answer.
        case away
    }

    private struct Own: Sendable {
        var token: IssuedToken
        var end: Duration
        var renewAt: Duration
    }

    private let policy: Policy
    private var first: Sensitive?
    private var own: Own?
    /// Refusals of the token in use, in a row.
    private var refusals = 0
    /// The first token is in use again, because our own was refused or has expired.
    private var hasFallenBack = false
    /// The first token has not been tried since then.
    private var triesFirst = false
    /// The data plane refused the token in use, and the Secret has no token that works.
    public private(set) var isRefused = false
    private var isAccepted = false
    private var isAsking = false
    private var lastTry: Duration?
    /// Failures in a row.
    public private(set) var failures = 0
    /// Why the last attempt failed. Nil after a success.
    public private(set) var failure: String?

    public init(_ policy: Policy = Policy()) { self.policy = policy }

    /// The token for the next request. Nil while there is none.
    public mutating func token(now: Duration) -> Sensitive? {
        expire(now)
        return own?.token.value ?? first
    }

    /// Our own token. Nil while the first one is in use.
    public mutating func issued(now: Duration) -> IssuedToken? {
        expire(now)
        return own?.token
    }

    /// The time until the next renewal. Nil if it is not known.
    public func timeToRenewal(now: Duration) -> Duration? { own.map { max(.zero, $0.renewAt - now) } }

    /// Why no token works. Nil if one works, or if that is not known yet.
    public mutating func problem(now: Duration) -> String? {
        if token(now: now) == nil { return failure.map { "there is no token: \($0)" } }
        guard isRefused, hasFallenBack else { return nil }
        let why = failure.map { "; the last renewal failed: \($0)" } ?? ""
        return "the renewed token was refused or has ended, and the Secret's token is refused as well\(why)"
    }

    /// When to request a token. Nil while a request would be useless.
    public var nextTry: Duration? {
        if isAsking || (policy.asksDataPlane && !isAccepted) { return nil }
        let isDue = own == nil || isRefused
        let due = isDue ? .zero : own?.renewAt ?? .zero
        guard let lastTry else { return due }
        return max(due, lastTry + gap)
    }

    /// When something changes by itself: a token is due, or expires.
    public var nextChange: Duration? { [nextTry, own?.end].compactMap { $0 }.min() }

    private var gap: Duration {
        let doublings = min(max(0, failures - 1) + (isRefused ? 1 : 0), 8)
        return min(policy.gap * (1 << doublings), max(policy.gap, policy.longestGap))
    }

    /// Takes the Secret's present token. True if it comes into use and must be tried.
    public mutating func seed(_ token: Sensitive?) -> Bool {
        guard let token, token != first else { return false }
        first = token
        guard own == nil else { return false }
        (isRefused, isAccepted, refusals) = (false, false, 0)
        return true
    }

    /// Takes the result of a probe. True if another token is in use now, which must be tried at once.
    public mutating func probed(_ answer: Answer) -> Bool {
        switch answer {
        case .accepted: (isAccepted, isRefused, triesFirst, refusals) = (true, false, false, 0)
        case .away: isAccepted = false
        case .refused:
            isAccepted = false
            refusals += 1
            // One 401 proves nothing, since one of several API servers may have an old key. A token after a fallback is
            // tried once.
            guard refusals > 1 || triesFirst else { return false }
            guard own != nil, first != nil else {
                isRefused = true
                return false
            }
            fallBack()
            return true
        }
        return false
    }

    public mutating func began(now: Duration) {
        isAsking = true
        lastTry = now
    }

    /// - Parameter jitter: between 0 and 1.
    public mutating func succeeded(_ token: IssuedToken, now: Duration, jitter: Double) {
        guard token.life > .zero else { return failed("the issued token has expired already", now: now) }
        isAsking = false
        let share = policy.share.lowerBound + (policy.share.upperBound - policy.share.lowerBound) * jitter
        own = Own(token: token, end: now + token.life, renewAt: now + token.life * share)
        (failures, failure) = (0, nil)
        (hasFallenBack, triesFirst, isRefused, refusals) = (false, false, false, 0)
    }

    public mutating func failed(_ why: String, now: Duration) {
        isAsking = false
        failures = min(failures + 1, 1_000)
        failure = why
    }

    /// An expired token is replaced without a 401.
    private mutating func expire(_ now: Duration) { if let own, own.end <= now { fallBack() } }

    private mutating func fallBack() {
        own = nil
        hasFallenBack = first != nil
        triesFirst = hasFallenBack
        (isRefused, isAccepted, refusals) = (false, false, 0)
    }
}
