import Fleet
import FlyteAdmin
import HTTP
import Support

/// How to reach flyteadmin, with the content of the named Secrets. Equal connections may share a client.
struct FlyteAdminConnection: Sendable, Hashable {
    enum Credentials: Sendable, Hashable {
        case none
        case token(Sensitive)
        case oauth2(OAuth2Tokens.Credentials)
    }
    var endpoint: String
    /// PEM. Nil for the system's store.
    var ca: [UInt8]?
    var credentials: Credentials

    enum Reading: Sendable {
        /// A Secret has not been read yet.
        case pending
        /// Why a Secret can't be used, with its name.
        case unusable(String)
        /// Why a Secret must not be used for flyteadmin, or sent there.
        case notAllowed(String)
        case ready(FlyteAdminConnection)
    }

    static func read(_ spec: FlyteAdmin, _ secrets: (String) -> NamedSecrets.Reading) -> Reading {
        /// - Parameter urls: where the entry would be sent.
        func entry(_ reference: KeyReference, to urls: [String] = []) throws(Gap) -> Sensitive {
            let reading = secrets(reference.name)
            let content: SecretContent? = if case .present(let content) = reading { content } else { nil }
            if let refusal = SecretRules.problem(content, named: reference.name, as: .flyteadmin) {
                throw .notAllowed(refusal)
            }
            if let problem = reading.problem(reference.name) { throw .unusable(problem) }
            guard let content else { throw .pending }
            let hosts = AllowedHosts(content.annotations[AllowedHosts.annotation] ?? "")
            if let url = urls.first(where: { !hosts.allow($0) }) {
                let what = "Secret \(reference.name) must not be sent to \(url): its annotation "
                throw .notAllowed(what + AllowedHosts.annotation + " does not name that host")
            }
            guard let value = content[reference.key]?.trimmed, !value.isEmpty else {
                throw .unusable("Secret \(reference.name) has nothing in its key \(reference.key)")
            }
            return value
        }
        func credentials() throws(Gap) -> Credentials {
            if let reference = spec.auth?.tokenRef {
                let token = try entry(reference, to: [spec.endpoint])
                // The token becomes a header line.
                guard token.withBytes(\.isTokenText) else {
                    throw .unusable(
                        "Secret \(reference.name), key \(reference.key): white space or other characters that a token can't have"
                    )
                }
                return .token(token)
            }
            guard let oauth2 = spec.auth?.oauth2 else { return .none }
            // The secret buys a token, which is sent to flyteadmin.
            let secret = try entry(oauth2.clientSecretRef, to: [oauth2.tokenURL, spec.endpoint])
            return .oauth2(
                OAuth2Tokens.Credentials(
                    tokenURL: oauth2.tokenURL, clientID: oauth2.clientID, clientSecret: secret, scopes: oauth2.scopes,
                    clientAuth: oauth2.clientAuth == .post ? .body : .header))
        }
        // Checked again here, since an older CRD may have accepted an http:// address outside the cluster.
        if let problem = spec.problems(at: "spec.flyteAdmin").first { return .unusable("\(problem)") }
        do throws(Gap) {
            let ca = try spec.caCertRef.map { reference throws(Gap) in try entry(reference) }
            return .ready(
                FlyteAdminConnection(
                    endpoint: spec.endpoint, ca: ca?.withBytes { Array($0) }, credentials: try credentials()))
        } catch {
            switch error {
            case .pending: return .pending
            case .unusable(let problem): return .unusable(problem)
            case .notAllowed(let problem): return .notAllowed(problem)
            }
        }
    }

    private enum Gap: Error {
        case pending
        case unusable(String)
        case notAllowed(String)
    }

    /// Makes a client, which opens no connection yet. It uses plain http if the URL says so: the spec's rules allow
    /// that only for loopback and in-cluster names.
    func client(userAgent: String) -> FlyteAdminClient {
        func transport(_ url: String, _ ca: [UInt8]?) -> HTTPClient {
            HTTPClient(
                HTTPClientConfiguration(
                    tls: TLSConfiguration(caCertificates: ca), userAgent: userAgent, maximumConnections: 4,
                    allowsPlainHTTP: url.lowercased().hasPrefix("http://")))
        }
        let main = transport(endpoint, ca)
        let authorization: FlyteAdminClient.Authorization
        switch credentials {
        case .none: authorization = .none
        case .token(let token): authorization = .token(token)
        case .oauth2(let credentials):
            // flyteadmin's own token endpoint has flyteadmin's certificate. Another host is mostly a public service,
            // which the system's store verifies. If that fails, its certificate may be from the same private CA.
            var transports = [transport(credentials.tokenURL, ca)]
            if ca != nil, Self.authority(credentials.tokenURL) != Self.authority(endpoint) {
                transports.insert(transport(credentials.tokenURL, nil), at: 0)
            }
            authorization = .oauth2(OAuth2Tokens(credentials, transports: transports))
        }
        return FlyteAdminClient(endpoint: endpoint, transport: main, authorization: authorization)
    }

    /// The explanation of an error that flyteadmin's words don't give. flyteadmin's own authorization server makes a
    /// token for the host at which it was asked, and accepts it only there.
    func hint(for error: String) -> String {
        guard case .oauth2(let credentials) = credentials, error.contains("invalid audience"),
            case let (asked, sent) = (Self.authority(credentials.tokenURL), Self.authority(endpoint)), asked != sent
        else { return "" }
        return
            "; the token was made for another host: tokenURL has \(asked) and endpoint has \(sent), and flyteadmin's own "
            + "authorization server makes tokens for the host that it is asked at. Give both the same host"
    }

    private static func authority(_ url: String) -> String {
        let parts = url.lowercased().split(separator: "/", omittingEmptySubsequences: false)
        return parts.count > 2 ? String(parts[2]) : ""
    }
}

/// Keeps the client of the connection that was asked for last.
final class LatestFlyteAdminClient: Sendable {
    private let kept = Locked<(connection: FlyteAdminConnection, client: FlyteAdminClient)?>(nil)

    func client(of connection: FlyteAdminConnection) -> FlyteAdminClient {
        kept.withLock { kept in
            if let kept, kept.connection == connection { return kept.client }
            let client = connection.client(userAgent: SquadronVersion.userAgent)
            kept = (connection, client)
            return client
        }
    }
}

extension Sensitive {
    /// Without the white space around it, as for the other credentials.
    fileprivate var trimmed: Sensitive { withBytes { Sensitive($0.trimmed()) } }
}
