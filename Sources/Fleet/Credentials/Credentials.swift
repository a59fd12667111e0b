import KubeObjects
import Support

/// What a data plane is reached with, read from its two Secret entries.
public struct Credentials: Sendable, Hashable {
    public var token: Sensitive
    /// PEM: only the certificates, without what was written around them.
    public var ca: [UInt8]
    /// Nil for a token that says nothing of its end, as long-lived ServiceAccount tokens do.
    public var tokenExpirationTime: Timestamp?
    /// When the first of the CA certificates ends: from then on some of the servers behind them may not verify any
    /// more.
    public var caExpirationTime: Timestamp

    public init(token: Sensitive, ca: [UInt8], tokenExpirationTime: Timestamp?, caExpirationTime: Timestamp) {
        self.token = token
        self.ca = ca
        self.tokenExpirationTime = tokenExpirationTime
        self.caExpirationTime = caExpirationTime
    }
}

/// A CA that has ended is no verdict of its own: the TLS handshake finds it out (`TLSExpired`), and a bundle may hold
/// another one that still verifies the server. `Credentials.warnings` says it before.
public enum CredentialsVerdict: Sendable, Hashable {
    case valid(Credentials)
    case invalid(CredentialsReason, String)

    /// - Parameters:
    ///   - secret: the Secret's `data`; nil where there is no such Secret.
    ///   - secretName: for the messages, as are the keys. No message has a byte of a value in it.
    public static func read(
        secret: [String: Sensitive]?, secretName: String, tokenKey: String, caCertKey: String, now: Instant
    ) -> CredentialsVerdict {
        guard let secret else { return .invalid(.secretNotFound, "Secret \(secretName) does not exist") }
        do {
            let token = try BearerToken(entry(secret, secretName, tokenKey, .tokenMissing), now: now)
            let bundle = try CABundle(entry(secret, secretName, caCertKey, .caCertMissing))
            return .valid(
                Credentials(
                    token: token.value, ca: bundle.pem, tokenExpirationTime: token.claims?.expiration,
                    caExpirationTime: bundle.expiration))
        } catch {
            let key = error.reason.isOfToken ? tokenKey : caCertKey
            return .invalid(error.reason, "Secret \(secretName), key \(key): \(error.message)")
        }
    }

    /// When the token and the first of the CA certificates end, as far as the entries tell: of an expired token too, and of
    /// each where the other can't be used.
    public static func expirations(
        secret: [String: Sensitive], tokenKey: String, caCertKey: String
    ) -> (token: Timestamp?, caCert: Timestamp?) {
        let token = secret[tokenKey].flatMap { try? BearerToken($0, now: Instant(secondsSince1970: -.infinity)) }
        let bundle = secret[caCertKey].flatMap { try? CABundle($0) }
        return (token?.claims?.expiration, bundle?.expiration)
    }

    private static func entry(
        _ secret: [String: Sensitive], _ name: String, _ key: String, _ missing: CredentialsReason
    ) throws(CredentialsProblem) -> Sensitive {
        guard let entry = secret[key] else { throw CredentialsProblem(missing, "is not there") }
        guard entry.count <= CredentialsLimits.entry else {
            let reason: CredentialsReason = missing == .tokenMissing ? .tokenMalformed : .caCertMalformed
            throw CredentialsProblem(reason, "has \(entry.count) bytes, more than \(CredentialsLimits.entry)")
        }
        return entry
    }
}

enum CredentialsLimits {
    static let entry = 512 << 10
    /// Header lines of API servers and proxies rarely may be longer.
    static let token = 32 << 10
    static let certificates = 256
}

struct CredentialsProblem: Error {
    static let encodedTwice =
        "was base64-encoded once too often: under `data` it is to be encoded once, under `stringData` not at all"

    var reason: CredentialsReason
    var message: String
    init(_ reason: CredentialsReason, _ message: String) {
        self.reason = reason
        self.message = message
    }
}

extension CredentialsReason {
    var isOfToken: Bool {
        switch self {
        case .tokenMissing, .tokenMalformed, .tokenExpired, .tokenRejected: true
        case .secretNotFound, .caCertMissing, .caCertMalformed: false
        }
    }
}
