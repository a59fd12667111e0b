import Support

/// The source of a client's bearer token.
public protocol Authorization: Sendable {
    /// The token for the next request. Nil sends none (a client certificate may do instead). `KubeClient` asks before each
    /// request, so a token that costs work to get must be kept.
    func bearerToken() async throws(CredentialsFailure) -> Sensitive?
    /// Call it when the server answered 401 to the last token. The next request then reads the token again. Requests run at
    /// the same time, so the 401 may be for the token before this one.
    func rejected()
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
