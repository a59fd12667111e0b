import Fleet
import HTTP
import JSON
import Kube
import KubeObjects
import Support

/// A command's access to a data plane: with the credentials that the DataPlane names, as far as the user may read them.
/// The operator's own rules say whether a token may be sent to its host.
public struct DataPlaneAccess: Sendable {
    /// Why a data plane can't be read from here.
    public struct Failure: Error, Sendable, Hashable {
        public var message: String
    }
    let controlPlane: ControlPlaneReader
    let userAgent: String
    let clock: WallClock

    public init(_ controlPlane: ControlPlaneReader, userAgent: String, clock: WallClock = .system) {
        (self.controlPlane, self.userAgent, self.clock) = (controlPlane, userAgent, clock)
    }

    /// Runs `body` with a client of the data plane, and closes it afterwards.
    func with<Result>(
        _ dataPlane: DataPlane, provider: String?, _ body: (KubeClient) async throws(KubeError) -> Result
    ) async throws(Failure) -> Result {
        if let problem = dataPlane.spec.problems().first { throw Failure(message: "\(problem)") }
        do throws(KubeError) {
            // The control plane itself, with the user's own account.
            if dataPlane.spec.inCluster { return try await body(controlPlane.client) }
        } catch {
            throw Failure(message: "\(error)")
        }
        if let provider, provider != "Secret", provider != "TokenRequest" {
            throw Failure(message: "only the operator can get credentials of the provider \(provider)")
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

    private func credentials(of dataPlane: DataPlane) async throws(Failure) -> Credentials {
        let place = dataPlane.credentialsPlace
        let content = try await content(ofSecret: place.secretName)
        switch CredentialsVerdict.read(place, in: content, now: clock.now) {
        case .valid(let credentials): return credentials
        case .invalid(let reason, let message): throw Failure(message: "\(reason.rawValue): \(message)")
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
        for dataPlane: DataPlane, _ credentials: Credentials, _ proxyLogin: ProxyLogin?
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
