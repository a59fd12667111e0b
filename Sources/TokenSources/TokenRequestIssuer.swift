import Fleet
import Kube
import KubeObjects
import Support

/// A data plane's account requests its own next token there (TokenRequest API).
public final class TokenRequestIssuer: TokenIssuer {
    public struct Settings: Sendable, Hashable {
        public var namespace: String
        public var account: String
        /// The requested lifetime. The server may grant less.
        public var expirationSeconds: Int

        public init(namespace: String, account: String, expirationSeconds: Int) {
            self.namespace = namespace
            self.account = account
            self.expirationSeconds = expirationSeconds
        }
    }

    private let settings: Settings
    private let wallClock: WallClock
    /// The account of the first token. Later tokens must belong to the same one.
    private let known: Locked<AccountToken?>

    public init(_ settings: Settings, wallClock: WallClock = .system) {
        self.settings = settings
        self.wallClock = wallClock
        known = Locked(nil)
    }

    /// An opaque token says nothing about its account.
    public func follow(first: Sensitive) {
        guard let account = AccountToken.read(first) else { return }
        known.withLock { $0 = account }
    }

    public func issue(through client: KubeClient?) async throws(IssueFailure) -> IssuedToken {
        guard let client else { throw IssueFailure("no probe was answered yet") }
        let asked = "\(settings.namespace)/\(settings.account)"
        if let known = known.withLock({ $0 }), known.account != asked {
            throw IssueFailure(
                "the Secret's token is of the ServiceAccount \(known.account.shortForMessage), and tokenRequest names "
                    + "\(asked): an account renews its own token only")
        }
        let token: Sensitive
        do throws(KubeError) {
            token = try await client.requestToken(
                of: settings.account, in: settings.namespace, expirationSeconds: settings.expirationSeconds
            ).value
        } catch {
            throw IssueFailure(Self.text(error, asked))
        }
        return try check(token)
    }

    private func check(_ token: Sensitive) throws(IssueFailure) -> IssuedToken {
        guard let claims = AccountToken.read(token) else {
            throw IssueFailure("the issued token is not one of a ServiceAccount")
        }
        guard claims.namespace == settings.namespace, claims.name == settings.account else {
            throw IssueFailure("the issued token is of another ServiceAccount, \(claims.account.shortForMessage)")
        }
        if let known = known.withLock({ $0 }), known.uid != claims.uid {
            throw IssueFailure(
                "the ServiceAccount \(claims.account) was created again: its UID was \(known.uid.shortForMessage) and is "
                    + "\(claims.uid.shortForMessage). Put a token of the new one into the Secret")
        }
        known.withLock { $0 = $0 ?? claims }
        guard let lifetime = claims.lifetime else { throw IssueFailure("the issued token does not expire (no exp)") }
        return IssuedToken(token, lifetime: lifetime, received: wallClock.now)
    }

    private static func text(_ error: KubeError, _ asked: String) -> String {
        if error.isNotFound { return "the ServiceAccount \(asked) is gone: \(error)" }
        if error.isForbidden { return "the account may not create serviceaccounts/token for itself: \(error)" }
        return "\(error)"
    }
}

extension IssuedToken {
    /// The life by the clock of the server that made the token: from `iat` to `exp`. Without `iat` our own clock
    /// counts.
    init(_ token: Sensitive, lifetime: Lifetime, received: Instant) {
        let start = lifetime.start?.instant ?? received
        let seconds = min(max(0, lifetime.end.instant - start), 366 * 86_400)
        self.init(token, life: .seconds(seconds), lifetime: Lifetime(start: Timestamp(start), end: lifetime.end))
    }
}
