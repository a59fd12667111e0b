import Support

/// The source of a client's bearer token.
public protocol Authorization: Sendable {
    /// The token for the next request. Nil sends none (a client certificate may do instead).
    func bearerToken() async throws(CredentialsFailure) -> Sensitive?
    /// Call it when the server answered 401 to the last token. The next request then reads the token again.
    func rejected()
}

/// Credentials that can't be read. It names their place, and never their content.
public struct CredentialsFailure: Error, Sendable, Hashable, CustomStringConvertible {
    public var message: String
    public init(_ message: String) { self.message = message }
    public var description: String { message }
}

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
