import JSON
import Support

/// Finds the user of a request by bearer token or client certificate. Without either it is the anonymous user.
final class Authenticator: Sendable {
    enum Outcome: Sendable {
        case user(User)
        /// The credentials are not valid: 401 for any request.
        case refused
    }

    private struct State {
        var fixed: [String: User] = [:]
        var revoked: Set<String> = []
        var skew = Duration.zero
        var maximumTokenLifetime: Duration?
        var issuers: [TrustedIssuer] = []
        /// Tokens of ServiceAccounts that were valid, since an operator sends the same one thousands of times.
        var known: [String: Known] = [:]
    }

    /// The user of a ServiceAccount's token, as long as its ServiceAccount and its Secret don't change.
    private struct Known {
        weak var store: ObjectStore?
        let account: Version
        let secret: Version?
        let user: User
    }

    /// The key of an object, and its version.
    private struct Version {
        let resource: GroupResource
        let key: String
        let revision: Int64

        func isCurrent(in store: ObjectStore) -> Bool { store.stored(resource, key)?.revision == revision }
    }
    /// Another cluster, whose tokens for one audience are accepted: `jwt` of an AuthenticationConfiguration.
    struct TrustedIssuer: Sendable {
        let signer: TokenSigner
        let audience: String
        let usernamePrefix: String
    }
    private static let knownLimit = 1024
    static let anonymous = User(name: "system:anonymous", groups: ["system:unauthenticated"])

    let signer = TokenSigner()
    private let store: @Sendable () -> ObjectStore
    private let clock: WallClock
    private let state = Locked(State())

    /// `store` is called each time, since a restart without data replaces the store.
    init(clock: WallClock, store: @escaping @Sendable () -> ObjectStore) {
        self.clock = clock
        self.store = store
    }

    /// The time as this cluster's token check sees it.
    var now: Instant { clock.now + state.withLock { $0.skew }.seconds }

    /// By how much the server's clock is ahead of all other clocks.
    var skew: Duration {
        get { state.withLock { $0.skew } }
        set { state.withLock { $0.skew = newValue } }
    }

    /// The longest life that a TokenRequest gets. Nil for any.
    var maximumTokenLifetime: Duration? {
        get { state.withLock { $0.maximumTokenLifetime } }
        set { state.withLock { $0.maximumTokenLifetime = newValue } }
    }

    func addFixed(_ token: String, _ user: User) { state.withLock { $0.fixed[token] = user } }

    func revoke(_ token: String) {
        state.withLock { state in
            state.fixed[token] = nil
            state.revoked.insert(token)
        }
    }

    /// - Parameter certificate: the identity of the connection's client certificate. Nil if it showed none.
    func authenticate(_ request: APIRequest, certificate: ClientIdentity?) -> Outcome {
        // This is as in the real server's union of authenticators: the certificate is tried first, and a bad one is
        // final only if no token succeeds.
        if case .user(let user) = certificate { return .user(user) }
        if let token = Self.bearerToken(request) {
            guard let user = user(ofToken: token, audiences: [TokenClaims.issuer]) else { return .refused }
            return .user(user.0)
        }
        if certificate != nil { return .refused }
        return .user(Self.anonymous)
    }

    /// It splits as the real server does: a second blank makes the token empty, which counts as no token.
    private static func bearerToken(_ request: APIRequest) -> String? {
        guard let header = request.headers["authorization"] else { return nil }
        let parts = header.utf8.split(separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, !parts[1].isEmpty, Substring(parts[0]).lowercased() == "bearer" else { return nil }
        return String(Substring(parts[1]))
    }

    /// The user of a token, and its audiences among the wanted ones. Nil for a token that is not valid (any more).
    func user(ofToken token: String, audiences wanted: [String]) -> (User, audiences: [String])? {
        let (fixed, revoked, skew) = state.withLock { ($0.fixed[token], $0.revoked.contains(token), $0.skew) }
        if let fixed { return (fixed, wanted) }
        let now = (clock.now + skew.seconds).secondsSince1970
        if !revoked, let user = federatedUser(token, now: now) { return (user, wanted) }
        guard !revoked, let claims = signer.claims(of: token) else { return nil }
        if let expiry = claims["exp"]?.double, now >= expiry { return nil }
        if let start = claims["nbf"]?.double, now < start - 1 { return nil }
        switch claims["iss"]?.string {
        case TokenClaims.userIssuer: return (Self.externalUser(claims), wanted)
        case TokenClaims.legacyIssuer: return (knownUser(token) ?? legacyUser(claims, token)).map { ($0, wanted) }
        case TokenClaims.issuer:
            let granted = (claims["aud"]?.array ?? []).compactMap(\.string).filter(wanted.contains)
            return granted.isEmpty ? nil : (knownUser(token) ?? boundUser(claims, token)).map { ($0, granted) }
        default: return nil
        }
    }

    func trust(_ issuer: TrustedIssuer) { state.withLock { $0.issuers.append(issuer) } }

    private func federatedUser(_ token: String, now: Double) -> User? {
        for issuer in state.withLock({ $0.issuers }) {
            guard let claims = issuer.signer.claims(of: token) else { continue }
            guard claims["aud"]?.array?.contains(.string(issuer.audience)) == true,
                let expiry = claims["exp"]?.double, now < expiry
            else { return nil }
            return User(
                name: issuer.usernamePrefix + (claims["sub"]?.string ?? ""), groups: ["system:authenticated"])
        }
        return nil
    }

    private static func externalUser(_ claims: JSON) -> User {
        User(
            name: claims["sub"]?.string ?? "",
            groups: (claims["groups"]?.array ?? []).compactMap(\.string) + ["system:authenticated"])
    }

    private func legacyUser(_ claims: JSON, _ token: String) -> User? {
        let prefix = "kubernetes.io/serviceaccount/"
        guard let namespace = claims[prefix + "namespace"]?.string,
            let name = claims[prefix + "service-account.name"]?.string,
            let uid = claims[prefix + "service-account.uid"]?.string,
            let secret = claims[prefix + "secret.name"]?.string
        else { return nil }
        return serviceAccount(namespace, name, uid, token: token, secret: secret) {
            $0["metadata"]?["deletionTimestamp"] == nil && $0["data"]?["token"]?.string == Base64.encode(token.utf8)
        }
    }

    private func boundUser(_ claims: JSON, _ token: String) -> User? {
        guard let kubernetes = claims["kubernetes.io"], let namespace = kubernetes["namespace"]?.string,
            let name = kubernetes["serviceaccount"]?["name"]?.string,
            let uid = kubernetes["serviceaccount"]?["uid"]?.string
        else { return nil }
        let bound = kubernetes["secret"]
        return serviceAccount(
            namespace, name, uid, token: token, secret: bound.map { $0["name"]?.string ?? "" },
            credential: claims["jti"]?.string
        ) { $0["metadata"]?["uid"] == bound?["uid"] }
    }

    /// The ServiceAccount must still be the one for which the token was made. If the token names a Secret, it must still hold
    /// the token.
    private func serviceAccount(
        _ namespace: String, _ name: String, _ uid: String, token: String, secret: String?, credential: String? = nil,
        holds: (JSON) -> Bool
    ) -> User? {
        let store = store()
        func version(_ resource: GroupResource, _ name: String, _ isGood: (JSON) -> Bool) -> Version? {
            let key = ObjectCollection.key(namespace: namespace, name: name)
            guard let object = store.stored(resource, key), isGood(object.content.json) else { return nil }
            return Version(resource: resource, key: key, revision: object.revision)
        }
        let account = version(.serviceAccounts, name) { $0["metadata"]?["uid"]?.string == uid }
        let held = secret.flatMap { version(.secrets, $0, holds) }
        guard let account, secret == nil || held != nil else { return nil }
        var user = User(
            name: "system:serviceaccount:\(namespace):\(name)", uid: uid,
            groups: ["system:serviceaccounts", "system:serviceaccounts:\(namespace)", "system:authenticated"])
        if let credential { user.extra["authentication.kubernetes.io/credential-id"] = ["JTI=\(credential)"] }
        let known = Known(store: store, account: account, secret: held, user: user)
        state.withLock { state in
            if state.known.count >= Self.knownLimit { state.known.removeAll() }
            state.known[token] = known
        }
        return user
    }

    private func knownUser(_ token: String) -> User? {
        guard let known = state.withLock({ $0.known[token] }), let store = known.store, store === self.store(),
            known.account.isCurrent(in: store), known.secret?.isCurrent(in: store) ?? true
        else { return nil }
        return known.user
    }
}
