import JSON
import Support

/// Finds out who sends a request: bearer tokens, client certificates, or nobody.
final class Authenticator: Sendable {
    enum Outcome: Sendable {
        case user(User)
        /// Credentials were shown and are no good: 401, whatever was asked for.
        case refused
    }

    private struct State {
        var fixed: [String: User] = [:]
        var revoked: Set<String> = []
        var skew = Duration.zero
    }
    static let anonymous = User(name: "system:anonymous", groups: ["system:unauthenticated"])

    let signer = TokenSigner()
    private let store: @Sendable () -> ObjectStore
    private let clock: WallClock
    private let state = Locked(State())

    /// `store` is asked anew each time: a restart without data replaces it.
    init(clock: WallClock, store: @escaping @Sendable () -> ObjectStore) {
        self.clock = clock
        self.store = store
    }

    /// The time as this cluster's token check sees it.
    var now: Instant { clock.now + state.withLock { $0.skew }.seconds }

    /// By how much the server's clock is ahead of everybody else's.
    var skew: Duration {
        get { state.withLock { $0.skew } }
        set { state.withLock { $0.skew = newValue } }
    }

    func addFixed(_ token: String, _ user: User) { state.withLock { $0.fixed[token] = user } }

    func revoke(_ token: String) {
        state.withLock { state in
            state.fixed[token] = nil
            state.revoked.insert(token)
        }
    }

    /// - Parameter certificate: the identity of the connection's client certificate; nil where it showed none.
    func authenticate(_ request: APIRequest, certificate: ClientIdentity?) -> Outcome {
        // As in the real server's union of authenticators: the certificate is tried first, a bad one is final only if no
        // token succeeds.
        if case .user(let user) = certificate { return .user(user) }
        if let token = Self.bearerToken(request) {
            guard let user = user(ofToken: token, audiences: [TokenClaims.issuer]) else { return .refused }
            return .user(user.0)
        }
        if certificate != nil { return .refused }
        return .user(Self.anonymous)
    }

    private static func bearerToken(_ request: APIRequest) -> String? {
        guard let header = request.headers["authorization"] else { return nil }
        let parts = header.split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count >= 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1])
    }

    /// Who a token stands for, and for which of the wanted audiences; nil for one that is not good (any more).
    func user(ofToken token: String, audiences wanted: [String]) -> (User, audiences: [String])? {
        let (fixed, revoked, skew) = state.withLock { ($0.fixed[token], $0.revoked.contains(token), $0.skew) }
        if let fixed { return (fixed, wanted) }
        guard !revoked, let claims = signer.claims(of: token) else { return nil }
        let now = (clock.now + skew.seconds).secondsSince1970
        if let expiry = claims["exp"]?.double, now >= expiry { return nil }
        if let start = claims["nbf"]?.double, now < start - 1 { return nil }
        switch claims["iss"]?.string {
        case TokenClaims.userIssuer: return (Self.externalUser(claims), wanted)
        case TokenClaims.legacyIssuer: return legacyUser(claims, token).map { ($0, wanted) }
        case TokenClaims.issuer:
            let granted = (claims["aud"]?.array ?? []).compactMap(\.string).filter(wanted.contains)
            return granted.isEmpty ? nil : boundUser(claims).map { ($0, granted) }
        default: return nil
        }
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
            let secret = claims[prefix + "secret.name"]?.string,
            let object = store().get(.secrets, namespace: namespace, name: secret),
            object["metadata"]?["deletionTimestamp"] == nil,
            object["data"]?["token"]?.string == Base64.encode(token.utf8)
        else { return nil }
        return serviceAccount(namespace, name, uid)
    }

    private func boundUser(_ claims: JSON) -> User? {
        guard let kubernetes = claims["kubernetes.io"], let namespace = kubernetes["namespace"]?.string,
            let name = kubernetes["serviceaccount"]?["name"]?.string,
            let uid = kubernetes["serviceaccount"]?["uid"]?.string
        else { return nil }
        if let bound = kubernetes["secret"] {
            let secret = store().get(.secrets, namespace: namespace, name: bound["name"]?.string ?? "")
            guard let secret, secret["metadata"]?["uid"] == bound["uid"] else { return nil }
        }
        var user = serviceAccount(namespace, name, uid)
        if let id = claims["jti"]?.string { user?.extra["authentication.kubernetes.io/credential-id"] = ["JTI=\(id)"] }
        return user
    }

    /// The ServiceAccount must still be the one that the token was made for.
    private func serviceAccount(_ namespace: String, _ name: String, _ uid: String) -> User? {
        let object = store().get(.serviceAccounts, namespace: namespace, name: name)
        guard let object, object["metadata"]?["uid"]?.string == uid else { return nil }
        return User(
            name: "system:serviceaccount:\(namespace):\(name)", uid: uid,
            groups: ["system:serviceaccounts", "system:serviceaccounts:\(namespace)", "system:authenticated"])
    }
}
