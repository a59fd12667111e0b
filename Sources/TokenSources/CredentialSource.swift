import Fleet
import Kube
import Support

/// The source of a data plane's token, for as long as the data plane is worked on. It can give another token without a
/// new connection: only the header of later requests changes. Lists, watches and findings of probes stay valid.
///
/// The module is not called Credentials, because `Fleet` has a type with that name, which such a module would hide.
public protocol CredentialSource: Authorization, AnyObject {
    /// Takes what a probe says about the token that `client` sent.
    ///
    /// True if another token is in use now. It must be probed at once.
    func probed(_ answer: TokenRenewal.Answer, by client: KubeClient) -> Bool
    /// Takes the Secret's present token, or nil if there is none. True if it comes into use and must be probed.
    func seed(_ token: Sensitive?, _ lifetime: Lifetime?) -> Bool
    var report: CredentialReport { get }
    /// Renews tokens until the task is cancelled.
    func run() async
}

extension CredentialSource {
    /// A 401 to a request says little, since a webhook may have answered it. Probes decide about the token (`probed`).
    public func rejected() {}
}

/// What is known of a credential, for its DataPlane's status.
public struct CredentialReport: Sendable, Hashable {
    /// Whether there is a token to send.
    public var hasToken: Bool
    /// The lifetime of the token in use, if it was issued on request.
    public var lifetime: Lifetime?
    /// When the next token is asked for, by our own clock. Nil unless a token that was issued on request is in use.
    public var renewalTime: Instant?
    /// The fingerprint of the token in use.
    public var fingerprint: String?
    /// Why no token works. Nil if one works, or if that is not known.
    public var problem: String?
    /// Why the last renewal failed. The token in use may still be valid.
    public var failure: String?
    /// Why the Secret's token is not renewed.
    public var notWrittenBack: String?
    /// Whether the token in use was issued on request. Otherwise it is the Secret's.
    public var isOwn: Bool { lifetime != nil }

    public init(
        hasToken: Bool = false, lifetime: Lifetime? = nil, renewalTime: Instant? = nil, fingerprint: String? = nil,
        problem: String? = nil, failure: String? = nil, notWrittenBack: String? = nil
    ) {
        self.hasToken = hasToken
        self.lifetime = lifetime
        self.renewalTime = renewalTime
        self.fingerprint = fingerprint
        self.problem = problem
        self.failure = failure
        self.notWrittenBack = notWrittenBack
    }
}

/// Issues tokens. Each credential has only one call of an issuer under way at a time, and each call is bounded in time by
/// the timeouts of its requests.
public protocol TokenIssuer: Sendable {
    /// - Parameter client: a client of the data plane, with a token that a probe has just proved. Nil before that.
    func issue(through client: KubeClient?) async throws(IssueFailure) -> IssuedToken
    /// The Secret has this token now.
    func follow(first: Sensitive)
    /// The data plane has refused the last issued token, twice in a row. What it was made of may be revoked.
    func tokenWasRefused()
}

extension TokenIssuer {
    public func follow(first: Sensitive) {}
    public func tokenWasRefused() {}
}

/// Why there is no token, for conditions and events. It contains no credential.
public struct IssueFailure: Error, Sendable, Hashable, CustomStringConvertible {
    public var message: String
    public init(_ message: String) { self.message = message }
    public var description: String { message }
}
