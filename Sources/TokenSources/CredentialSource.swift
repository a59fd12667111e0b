import Fleet
import Kube
import Support

/// The source of a data plane's token, for as long as the data plane is worked on. It can give another token without a new
/// connection: only the header of later requests changes. Lists, watches and what probes found stay as they are.
///
/// The module is not called Credentials: `Fleet` has a type of that name, and a module of the same name would hide it.
public protocol CredentialSource: Authorization, AnyObject {
    /// What a probe says of the token. `client` sent it.
    ///
    /// True where another token is in use now. It is to be probed at once.
    func probed(_ answer: TokenRenewal.Answer, by client: KubeClient) -> Bool
    /// The Secret's token, as it is now; nil where there is none. True where it comes into use, and is to be probed.
    func seed(_ token: Sensitive?, _ lifetime: Lifetime?) -> Bool
    var report: CredentialReport { get }
    /// Asks for tokens until it is cancelled.
    func run() async
}

extension CredentialSource {
    /// A 401 to a request says little: a webhook may have answered it. Probes decide about the token (`probed`).
    public func rejected() {}
}

/// What is known of a credential, for the status of its DataPlane.
public struct CredentialReport: Sendable, Hashable {
    /// Whether there is a token to send.
    public var hasToken: Bool
    /// Of the token in use, if it was given on request.
    public var lifetime: Lifetime?
    public var renewalTime: Instant?
    /// Of the token in use.
    public var fingerprint: String?
    /// Why no token works; nil while one does, or while it is not known.
    public var problem: String?
    /// Why the last renewal failed, though the token in use may be good still.
    public var failure: String?
    /// Why the Secret's token is not renewed.
    public var notWrittenBack: String?
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

/// Asks for one token. One call at a time is under way for each credential, and each is bounded in time.
public protocol TokenIssuer: Sendable {
    /// - Parameter client: of the data plane, with the token that a probe has just proved; nil before that.
    func issue(through client: KubeClient?) async throws(IssueFailure) -> IssuedToken
    /// The Secret has this token now.
    func follow(first: Sensitive)
}

extension TokenIssuer {
    public func follow(first: Sensitive) {}
}

/// Why there is no token, for conditions and events. It holds no credential.
public struct IssueFailure: Error, Sendable, Hashable, CustomStringConvertible {
    public var message: String
    public init(_ message: String) { self.message = message }
    public var description: String { message }
}
