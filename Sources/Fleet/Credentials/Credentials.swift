import KubeObjects
import Support

/// The credentials for a data plane, read from its two Secret entries.
public struct Credentials: Sendable, Hashable {
    public var token: Sensitive
    /// PEM: only the certificates, without the text around them. Nil for the system's roots.
    public var ca: [UInt8]?
    /// Nil for a token that does not say when it expires, as long-lived ServiceAccount tokens.
    public var tokenLifetime: Lifetime?
    /// The lifetime of the valid CA certificate that expires first. Nil with the system's roots.
    public var caLifetime: Lifetime?
    /// Remarks for users about credentials that are used, for example on unused parts of the bundle.
    public var notes: [String]

    public var tokenExpirationTime: Timestamp? { tokenLifetime?.end }
    public var caExpirationTime: Timestamp? { caLifetime?.end }
}

/// Where a data plane's credentials are, and where they would be sent.
public struct CredentialsPlace: Sendable, Hashable {
    public var secretName: String
    public var keys: CredentialsKeys
    public var endpoint: String
    public var provider: CredentialsProvider
    public var caCert: CACertSource
    /// The name that the server's certificate is checked for, where it isn't the endpoint's host.
    public var tlsServerName: String
    public var tokenKey: String { keys.token }
    public var caCertKey: String { keys.caCert }

    public init(
        secretName: String, tokenKey: String, caCertKey: String, endpoint: String,
        provider: CredentialsProvider = .secret, caCert: CACertSource = .secret, tlsServerName: String = ""
    ) {
        self.secretName = secretName
        keys = CredentialsKeys(token: tokenKey, caCert: caCertKey)
        self.endpoint = endpoint
        self.provider = provider
        self.caCert = caCert
        self.tlsServerName = tlsServerName
    }

    /// The name under which any server with a public certificate would be believed. With the system's roots it must be an
    /// allowed host as the endpoint's: a proxy, which the DataPlane names as well, can lead to any server.
    var nameToAllow: String? { caCert == .system && !tlsServerName.isEmpty ? tlsServerName : nil }
}

extension CustomResource<DataPlaneSpec> {
    public var credentialsPlace: CredentialsPlace {
        CredentialsPlace(
            secretName: spec.credentials.secretName, tokenKey: tokenKey, caCertKey: caCertKey,
            endpoint: spec.endpoint ?? "", provider: spec.credentials.provider, caCert: spec.credentials.caCert,
            tlsServerName: spec.connection.tlsServerName)
    }
}

/// A token that has expired by our clock is still sent, because the data plane's clock decides. `TokenExpired` is said
/// only after the data plane refused it. An expired CA has no reason of its own: the TLS handshake finds it
/// (`TLSExpired`), and a bundle may hold another CA that still verifies the server. `ExpiryStage.warnings` warns
/// earlier.
public enum CheckedCredentials: Sendable, Hashable {
    case valid(Credentials)
    case invalid(CredentialsReason, String)

    /// Reads and checks the entries. No message contains a byte of a value.
    ///
    /// - Parameter secret: nil if it does not exist.
    public static func read(_ place: CredentialsPlace, in secret: SecretContent?, now: Instant) -> CheckedCredentials {
        let name = place.secretName
        guard let secret else { return .invalid(.secretNotFound, "Secret \(name) does not exist") }
        if let refusal = refusal(place, in: secret) { return refusal }
        do throws(CredentialsProblem) {
            let token = try secret.token(place.tokenKey).get()
            let trust = try ServerTrust.read(place, in: secret, now: now)
            return .valid(
                Credentials(
                    token: token.value, ca: trust.ca, tokenLifetime: token.lifetime, caLifetime: trust.lifetime,
                    notes: trust.notes))
        } catch {
            let key = error.reason.isOfToken ? place.tokenKey : place.caCertKey
            return .invalid(error.reason, "Secret \(name), key \(key): \(error.message)")
        }
    }

    /// Why these entries of the Secret must not be sent to that endpoint. Nil if they may.
    static func refusal(_ place: CredentialsPlace, in secret: SecretContent) -> CheckedCredentials? {
        if let problem = SecretRules.problem(ofCredentialsIn: secret, named: place.secretName) {
            return .invalid(.sourceNotAllowed, problem)
        }
        let start = "Secret \(place.secretName): "
        let hosts = secret.hosts(for: place.keys)
        if place.caCert == .system {
            // Any server with a public certificate would get the token, so the Secret must say which server may.
            let others = Set(secret.entries.keys).subtracting([place.tokenKey, place.caCertKey])
            if let other = others.min() {
                let rule = "with caCert: System it holds the entry of one cluster only"
                return .invalid(
                    .keysMismatch, start + "has the key \(other.quotedForMessage): \(rule); nothing is sent")
            }
            guard hosts != nil else {
                let what = "with caCert: System it needs the annotation \(AllowedHosts.annotation); nothing is sent"
                return .invalid(.hostNotAllowed, start + what)
            }
        } else {
            // A missing key is a typo. The message about that key is more helpful.
            guard secret[place.tokenKey] != nil || !place.provider.hasFirstToken, secret[place.caCertKey] != nil else {
                return nil
            }
            if let mismatch = place.keys.mismatch(among: secret.entries.keys) {
                return .invalid(.keysMismatch, start + mismatch)
            }
        }
        guard let hosts else { return nil }
        func refused(_ host: String) -> CheckedCredentials {
            let what =
                "its annotation \(secret.hostsAnnotation(for: place.keys)) does not name \(host); nothing is sent"
            return .invalid(.hostNotAllowed, start + what)
        }
        guard hosts.allow(place.endpoint) else { return refused("the host of \(place.endpoint.shortForMessage)") }
        if let name = place.nameToAllow, !hosts.allow(name: name) {
            return refused("tlsServerName \(name.shortForMessage), which caCert: System would believe")
        }
        return nil
    }

    /// How long token and CA are valid, as far as the entries tell. It also answers for an expired token, and for
    /// either one if the other can't be used.
    public static func lifetimes(
        _ place: CredentialsPlace, in secret: SecretContent, now: Instant
    ) -> (token: Lifetime?, caCert: Lifetime?) {
        let token = try? secret.token(place.tokenKey).get()
        let bundle = try? secret.bundle(place.caCertKey).get()
        return (token?.lifetime, bundle?.lifetime(at: now))
    }
}

extension SecretContent {
    /// Why flyteadmin, which reads the raw entries, would fail although Squadron can use them. Nil if it would not.
    public func unreadableByFlyteAdmin(tokenKey: String, caCertKey: String) -> String? {
        var trouble: [String] = []
        if case .success(let token) = token(tokenKey), token.isPadded {
            trouble.append("there is white space around the token (\(tokenKey)), take it away")
        }
        if case .success(let bundle) = bundle(caCertKey), let first = bundle.unreadByGo.first {
            let more = bundle.unreadByGo.count > 1 ? ", and \(bundle.unreadByGo.count - 1) more" : ""
            let what = bundle.isReadByGo ? "does not find each certificate" : "finds no certificate"
            trouble.append("it \(what) in \(caCertKey) (\(first)\(more))")
        }
        guard !trouble.isEmpty else { return nil }
        return "flyteadmin reads the entries raw and will fail: " + trouble.joined(separator: "; ")
    }
}

enum CredentialsLimits {
    static let entry = 512 << 10
    /// API servers and proxies rarely accept longer header lines.
    static let token = 32 << 10
    static let certificates = 256

    static func problem(of entry: Sensitive, _ reason: CredentialsReason) -> CredentialsProblem? {
        guard entry.count > Self.entry else { return nil }
        return CredentialsProblem(reason, "has \(entry.count) bytes, more than \(Self.entry)")
    }
}

struct CredentialsProblem: Error, Sendable {
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
        case .tokenMissing, .tokenMalformed, .tokenExpired, .tokenRejected, .renewalFailed: true
        case .secretNotFound, .caCertMissing, .caCertMalformed: false
        case .sourceNotAllowed, .hostNotAllowed, .keysMismatch: false
        }
    }

    /// Whether nothing may be sent, even over an older connection.
    public var forbidsSending: Bool {
        switch self {
        case .sourceNotAllowed, .hostNotAllowed, .keysMismatch: true
        case .secretNotFound, .tokenMissing, .caCertMissing, .tokenMalformed, .caCertMalformed, .tokenExpired,
            .tokenRejected, .renewalFailed:
            false
        }
    }
}
