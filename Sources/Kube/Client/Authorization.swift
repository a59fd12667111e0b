import Support

/// The source of a client's bearer token.
public protocol Authorization: Sendable {
    /// The token for the next request. Nil sends none (a client certificate may do instead). `KubeClient` asks before each
    /// request, so a token that costs work to get must be kept.
    func bearerToken() async throws(CredentialsFailure) -> Sensitive?
    /// Call it when the server answered 401 to the last token. The next request then reads the token again. Requests run at
    /// the same time, so the 401 may be for the token before this one.
    func rejected()

    /// The token, and the client certificate that goes with it. By default a client certificate stays the same.
    func credential() async throws(CredentialsFailure) -> RequestCredential
    /// The same as `rejected()`, for a source that can tell whether the 401 is for an older credential.
    func rejected(_ credential: RequestCredential)
    /// The client certificate of the last credential. Nil: the one of the connection's own settings.
    var clientCertificate: ClientCertificate? { get }
}

extension Authorization {
    public func credential() async throws(CredentialsFailure) -> RequestCredential {
        RequestCredential(token: try await bearerToken())
    }
    public func rejected(_: RequestCredential) { rejected() }
    public var clientCertificate: ClientCertificate? { nil }
}

/// With what a request identifies itself.
public struct RequestCredential: Sendable {
    public var token: Sensitive?
    /// Nil: the one of the connection's own settings.
    public var certificate: ClientCertificate?
    /// Counts how often its source has read it. A source may read the same content again.
    public var generation: Int

    public init(token: Sensitive?, certificate: ClientCertificate? = nil, generation: Int = 0) {
        (self.token, self.certificate, self.generation) = (token, certificate, generation)
    }

    func hasSameContent(as other: RequestCredential) -> Bool {
        token == other.token && certificate == other.certificate
    }
}

/// A certificate for TLS, and its key.
public struct ClientCertificate: Sendable, Hashable {
    /// PEM, leaf first.
    public var chain: [UInt8]
    /// PEM.
    public var key: Sensitive?

    public init(chain: [UInt8], key: Sensitive?) { (self.chain, self.key) = (chain, key) }
}

/// Credentials that can't be read. It names their place, and never their content.
public struct CredentialsFailure: Error, Sendable, Hashable, CustomStringConvertible {
    public var message: String
    public init(_ message: String) { self.message = message }
    public var description: String { message }
}

/// Sends no token: the server sees the client certificate, or an anonymous user.
public struct NoAuthorization: Authorization {
    public init() {}
    public func bearerToken() -> Sensitive? { nil }
    public func rejected() {}
}

/// A token that stays the same for as long as the client lives.
public struct StaticToken: Authorization {
    private let token: Sensitive
    public init(_ token: Sensitive) { self.token = token }
    public func bearerToken() -> Sensitive? { token }
    public func rejected() {}
}
