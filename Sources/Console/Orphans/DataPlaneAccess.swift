import Fleet
import HTTP
import JSON
import Kube
import KubeObjects
import Support
import TokenSources

/// A command's access to a data plane: with the credentials that the DataPlane names, as far as the user may read them.
/// The operator's own rules say whether a token may be sent to its host.
public struct DataPlaneAccess: Sendable {
    /// Why a data plane can't be read from here.
    public struct Failure: Error, Sendable, Hashable {
        public var message: String
    }
    let controlPlane: ControlPlaneReader
    let userAgent: String
    private let clock: WallClock
    private let maker: TokenMaker

    /// - Parameter cloud: the way to the clouds' token services.
    public init(
        _ controlPlane: ControlPlaneReader, userAgent: String, cloud: CloudAccess = CloudAccess(),
        clock: WallClock = .system
    ) {
        (self.controlPlane, self.userAgent, self.clock) = (controlPlane, userAgent, clock)
        maker = TokenMaker(controlPlane: controlPlane, cloud: cloud, clock: clock)
    }

    /// Runs `body` with a client of the data plane, and closes it afterwards.
    func with<Result>(
        _ dataPlane: DataPlane, _ body: (KubeClient) async throws(KubeError) -> Result
    ) async throws(Failure) -> Result {
        if let problem = dataPlane.spec.problems().first { throw Failure(message: "\(problem)") }
        do throws(KubeError) {
            // The control plane itself, with the user's own account.
            if dataPlane.spec.inCluster { return try await body(controlPlane.client) }
        } catch {
            throw Failure(message: "\(error)")
        }
        let credentials = try await credentials(of: dataPlane)
        let client = client(for: dataPlane, credentials, try await proxyLogin(of: dataPlane))
        defer { client.close() }
        do throws(KubeError) {
            return try await body(client)
        } catch {
            throw Failure(message: "\(error)")
        }
    }

    /// What the data plane is reached with.
    private struct Login {
        var token: Sensitive
        /// PEM. Nil: the system's roots.
        var ca: [UInt8]?
    }

    private func credentials(of dataPlane: DataPlane) async throws(Failure) -> Login {
        let place = dataPlane.credentialsPlace
        guard place.provider.hasFirstToken else { return try await madeCredentials(of: dataPlane, place) }
        let content = try await content(ofSecret: place.secretName)
        switch CheckedCredentials.read(place, in: content, now: clock.now) {
        case .valid(let found): return Login(token: found.token, ca: found.ca)
        case .invalid(let reason, let message): throw Failure(message: "\(reason.rawValue): \(message)")
        }
    }

    /// Where no Secret holds a token: one is made, after what the operator too looks at before it asks for one.
    private func madeCredentials(of dataPlane: DataPlane, _ place: CredentialsPlace) async throws(Failure) -> Login {
        var content: SecretContent?
        if !place.provider.isOfCloud || place.caCert == .secret {
            content = try await self.content(ofSecret: place.secretName)
        }
        let checked = CheckedRenewal.read(
            place, in: content, clouds: maker.cloud.hosts, audience: TokenMaker.audience(of: dataPlane), now: clock.now)
        switch checked {
        case .invalid(let reason, let message): throw Failure(message: "\(reason.rawValue): \(message)")
        case .valid(let found):
            do throws(IssueFailure) {
                return Login(token: try await maker.token(for: dataPlane), ca: found.ca)
            } catch {
                throw Failure(message: "\(error) (\(maker.advice(for: place.provider)))")
            }
        }
    }

    private func content(ofSecret name: String) async throws(Failure) -> SecretContent {
        let secret: Secret
        do throws(KubeError) {
            secret = try await controlPlane.client.get(Secret.self, namespace: controlPlane.namespace, name: name)
        } catch {
            let advice = error.isForbidden ? " (looking into data planes needs the right to read it)" : ""
            throw Failure(message: "Secret \(name) can't be read: \(error.detail)\(advice)")
        }
        return SecretContent(secret)
    }

    private func proxyLogin(of dataPlane: DataPlane) async throws(Failure) -> ProxyLogin? {
        let connection = dataPlane.spec.connection
        guard let reference = connection.proxyCredentialsRef else { return nil }
        let content = try await content(ofSecret: reference.name)
        switch ProxyCredentials.read(reference, in: content, for: connection.proxyURL) {
        case .success(let found): return ProxyLogin(user: found.user, password: found.password)
        case .failure(let problem): throw Failure(message: "\(problem.reason.rawValue): \(problem.message)")
        }
    }

    private func client(
        for dataPlane: DataPlane, _ credentials: Login, _ proxyLogin: ProxyLogin?
    ) -> KubeClient {
        let connection = dataPlane.spec.connection
        let tls = TLSConfiguration(
            caCertificates: credentials.ca,
            serverName: connection.tlsServerName.isEmpty ? nil : connection.tlsServerName)
        var endpoint = ClusterEndpoint(
            server: dataPlane.spec.endpoint ?? "", tls: tls,
            proxyURL: connection.proxyURL.isEmpty ? nil : connection.proxyURL,
            authorization: StaticToken(credentials.token))
        endpoint.proxyLogin = proxyLogin
        return ControlPlaneReader.client(for: endpoint, userAgent: userAgent)
    }
}
