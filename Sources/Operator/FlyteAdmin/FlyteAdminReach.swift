import Fleet
import FlyteAdmin
import Support

/// flyteadmin as a command reaches it: with the registry's settings and the Secrets that the user may read. The
/// operator's rules say where a credential may be sent.
public struct FlyteAdminReach: Sendable {
    public enum SecretReading: Sendable {
        case present(SecretContent)
        case absent
        case unreadable(String)
    }
    /// Why it can't be reached from here.
    public struct Refusal: Error, Sendable, Hashable {
        public var message: String
        /// The operator would not use the Secret either.
        public var isNotAllowed: Bool
    }

    public let client: FlyteAdminClient
    private let connection: FlyteAdminConnection

    /// The Secrets that the settings name.
    public static func secretNames(_ settings: FlyteAdmin) -> Set<String> {
        let auth = settings.auth
        let named = [settings.caCertRef, auth?.tokenRef, auth?.oauth2?.clientSecretRef]
        return Set(named.compactMap { $0?.name })
    }

    public init(
        _ settings: FlyteAdmin, secrets: [String: SecretReading], userAgent: String
    ) throws(Refusal) {
        let reading = FlyteAdminConnection.read(settings) { name in
            switch secrets[name] {
            case .present(let content)?: .present(content)
            case .absent?: .absent
            case .unreadable(let why)?: .unreadable(why)
            case nil: .unknown
            }
        }
        switch reading {
        case .pending: throw Refusal(message: "a Secret that it needs was not read", isNotAllowed: false)
        case .unusable(let why): throw Refusal(message: why, isNotAllowed: false)
        case .notAllowed(let why): throw Refusal(message: why, isNotAllowed: true)
        case .ready(let connection):
            self.connection = connection
            client = connection.client(userAgent: userAgent)
        }
    }

    /// The error, with an explanation if flyteadmin's own words don't give one.
    public func explained(_ error: FlyteAdminError) -> String {
        let text = error.description
        return text + connection.hint(for: text)
    }
}
