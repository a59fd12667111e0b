import Fleet
import Kube
import Support
import TokenSources

/// Makes the token of a data plane that has none in a Secret, as the operator does. It uses the rights of the user who
/// runs the command, and this process's environment.
struct TokenMaker: Sendable {
    let controlPlane: ControlPlaneReader
    let cloud: CloudAccess
    let clock: WallClock

    /// The audience of a Federated token. Nil with other providers.
    static func audience(of dataPlane: DataPlane) -> AudienceRequest? {
        guard dataPlane.spec.credentials.provider == .federated else { return nil }
        return AudienceRequest(dataPlane.spec.credentials.federatedSettings, clusterName: dataPlane.clusterName)
    }

    func token(for dataPlane: DataPlane) async throws(IssueFailure) -> Sensitive {
        let credentials = dataPlane.spec.credentials
        let issuer: any TokenIssuer
        switch credentials.provider {
        case .secret, .tokenRequest: throw IssueFailure("its token is in a Secret")
        case .federated:
            let audience = AudienceRequest(credentials.federatedSettings, clusterName: dataPlane.clusterName).audience
            issuer = accountToken(of: credentials.federatedSettings.serviceAccount, for: audience)
        case .aws:
            issuer = AWSIssuer(
                credentials.aws ?? AWSSettings(), endpoint: dataPlane.endpointDescription, access: cloud,
                wallClock: clock)
        case .gcp:
            issuer = GCPIssuer(credentials.gcp ?? GCPSettings(), access: cloud, wallClock: clock) {
                accountToken(of: FederatedSettings().serviceAccount, for: $0)
            }
        case .azure: issuer = AzureIssuer(credentials.azure ?? AzureSettings(), access: cloud, wallClock: clock)
        }
        return try await issuer.issue(through: nil).value
    }

    /// The account's token of the usual audience shows the control plane's own audiences, and is used for nothing else.
    private func accountToken(of account: String, for audience: String) -> FederatedIssuer {
        let (client, namespace) = (controlPlane.client, controlPlane.namespace)
        return FederatedIssuer(
            .init(namespace: namespace, account: account, audience: audience, expirationSeconds: 600),
            controlPlane: client,
            ownToken: {
                try? await client.requestToken(of: account, in: namespace, expirationSeconds: 600).value
            }, wallClock: clock)
    }

    /// What a user can do if that fails.
    func advice(for provider: CredentialsProvider) -> String {
        let pod = "kubectl -n \(controlPlane.namespace) exec -i deployment/squadron -- squadron"
        return provider.isOfCloud
            ? "the command uses its own environment, which is not the operator's: run it there, as \(pod) …"
            : "the command asks with your own rights"
    }
}
