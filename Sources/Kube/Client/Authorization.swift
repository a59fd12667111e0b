import Support

/// Where a client's bearer token comes from.
public protocol Authorization: Sendable {
    /// For the next request; nil sends none (a client certificate may do instead).
    func bearerToken() async throws(CredentialsFailure) -> Sensitive?
    /// The server answered 401 to the last token: read it anew for the next request.
    func rejected()
}

/// Credentials that can't be had. Names the place, never their content.
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
