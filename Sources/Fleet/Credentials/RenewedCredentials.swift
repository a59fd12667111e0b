import Support

/// How a data plane's server certificate is verified.
struct ServerTrust: Sendable {
    /// PEM. Nil for the system's roots.
    var ca: [UInt8]?
    var lifetime: Lifetime?
    var notes: [String] = []

    static func read(
        _ place: CredentialsPlace, in secret: SecretContent, now: Instant
    ) throws(CredentialsProblem) -> ServerTrust {
        if place.caCert == .system { return ServerTrust() }
        let bundle = try secret.bundle(place.caCertKey).get()
        let notes = bundle.skipped.isEmpty ? [] : ["key \(place.caCertKey): not used: \(bundle.skipped.listed())"]
        return ServerTrust(ca: bundle.pem, lifetime: bundle.lifetime(at: now), notes: notes)
    }
}

/// The credentials for a data plane whose token renews itself, without the token in use.
public struct RenewedCredentials: Sendable, Hashable {
    /// PEM. Nil for the system's roots.
    public var ca: [UInt8]?
    public var caLifetime: Lifetime?
    /// The Secret's token, with which a TokenRequest begins.
    public var first: Sensitive?
    public var firstLifetime: Lifetime?
    /// Why the Secret's token can't be used. It matters only while there is no other token.
    public var firstProblem: Problem?
    public var notes: [String] = []

    public struct Problem: Sendable, Hashable {
        public var reason: CredentialsReason
        public var message: String
    }
}

public enum CheckedRenewal: Sendable, Hashable {
    case valid(RenewedCredentials)
    case invalid(CredentialsReason, String)

    /// - Parameters:
    ///   - secret: nil if it does not exist.
    ///   - clouds: the hosts of the clouds.
    ///   - audience: the audience of a Federated token, if the DataPlane names one.
    public static func read(
        _ place: CredentialsPlace, in secret: SecretContent?, clouds: CloudHosts, audience: AudienceRequest? = nil,
        now: Instant
    ) -> CheckedRenewal {
        let name = place.secretName
        if place.provider.isOfCloud {
            // A cloud's token is valid for everything that the identity may do in the cloud.
            let servers = [place.endpoint] + (place.nameToAllow.map { ["https://\($0)"] } ?? [])
            if let other = servers.first(where: { !clouds.allow($0, of: place.provider) }) {
                let host = other.shortForMessage
                let rule =
                    "what \(place.provider.rawValue) gives is sent to its own hosts only (--cloud-host adds others)"
                return .invalid(.hostNotAllowed, "\(host): \(rule); nothing is sent")
            }
            if place.caCert == .system { return .valid(RenewedCredentials()) }
        }
        guard let secret else { return .invalid(.secretNotFound, "Secret \(name) does not exist") }
        if let refusal = CheckedCredentials.refusal(place, in: secret), case .invalid(let reason, let text) = refusal {
            return .invalid(reason, text)
        }
        if let audience, let text = audience.problem(in: secret) {
            return .invalid(.sourceNotAllowed, "Secret \(name): \(text)")
        }
        var result = RenewedCredentials()
        do throws(CredentialsProblem) {
            let trust = try ServerTrust.read(place, in: secret, now: now)
            (result.ca, result.caLifetime, result.notes) = (trust.ca, trust.lifetime, trust.notes)
        } catch {
            return .invalid(error.reason, "Secret \(name), key \(place.caCertKey): \(error.message)")
        }
        guard place.provider.hasFirstToken else { return .valid(result) }
        switch secret.token(place.tokenKey) {
        case .success(let token):
            (result.first, result.firstLifetime) = (token.value, token.lifetime)
        case .failure(let problem):
            let text = "Secret \(name), key \(place.tokenKey): \(problem.message)"
            result.firstProblem = .init(reason: problem.reason, message: text)
        }
        return .valid(result)
    }
}

/// The audience of a Federated token, and the rule that allows it.
public struct AudienceRequest: Sendable, Hashable {
    public static let annotation = SecretContent.prefix + "audiences"
    public var audience: String
    public var clusterName: String

    public init(_ settings: FederatedSettings, clusterName: String) {
        audience = settings.audience.isEmpty ? clusterName : settings.audience
        self.clusterName = clusterName
    }

    /// Without this rule, a user with the right to edit DataPlanes could request a token with any audience, for example
    /// for a vault or a cloud.
    func problem(in secret: SecretContent) -> String? {
        if audience == clusterName { return nil }
        let allowed = (secret.annotations[Self.annotation] ?? "").split(separator: ",").prefix(64)
            .map { String(decoding: $0.utf8.trimmed(), as: UTF8.self) }
        if allowed.contains(audience) { return nil }
        return
            "its annotation \(Self.annotation) does not name the audience \(audience.quotedForMessage), which is not "
            + "the clusterName; nothing is sent"
    }
}
