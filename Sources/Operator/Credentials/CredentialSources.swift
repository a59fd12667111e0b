import ControlLoop
import DataPlaneAgent
import Fleet
import Kube
import Support
import TokenSources

/// Makes the credential sources that renew the tokens of data planes.
struct CredentialSources: Sendable {
    /// The client of the control plane.
    let client: KubeClient
    let namespace: String
    /// The operator's own token in the control plane. No data plane gets a token with its audience.
    let ownToken: @Sendable () async -> Sensitive?
    var cloud = CloudAccess()
    var policy = TokenRenewal.Policy()
    var timeline = Timeline.continuous
    var wallClock = WallClock.system
    var writeLog = WriteLog.silent

    var clouds: CloudHosts { cloud.hosts }

    /// - Parameters:
    ///   - isPublished: whether flyteadmin reads the Secret's token.
    ///   - isHeld: whether nothing may be written in the control plane. Then no token is written back.
    ///   - tell: called with what happens to the credential.
    func source(
        for settings: SourceSettings, isPublished: @escaping @Sendable () -> Bool,
        isHeld: @escaping @Sendable () -> Bool,
        tell: @escaping @Sendable (RenewingCredential.News) -> Void
    ) -> SourceReference {
        let credentials = settings.credentials
        var policy = policy
        policy.asksDataPlane = credentials.provider == .tokenRequest
        let source = RenewingCredential(
            issuer(for: settings), policy: policy,
            writeBack: writeBack(for: settings, isPublished: isPublished, isHeld: isHeld),
            timeline: timeline, wallClock: wallClock, tell: tell)
        return SourceReference(source: source, settings: settings)
    }

    private func issuer(for settings: SourceSettings) -> any TokenIssuer {
        let credentials = settings.credentials
        switch credentials.provider {
        case .secret, .tokenRequest:
            return TokenRequestIssuer(
                .init(credentials.tokenRequestSettings, seconds: credentials.tokenRequestSettings.expirationSeconds),
                wallClock: wallClock)
        case .federated:
            let federated = credentials.federatedSettings
            let audience = AudienceRequest(federated, clusterName: settings.clusterName).audience
            return controlPlaneToken(of: federated.serviceAccount, for: audience)
        case .aws:
            return AWSIssuer(
                credentials.aws ?? AWSSettings(), endpoint: settings.endpoint, access: cloud, wallClock: wallClock)
        case .gcp:
            return GCPIssuer(credentials.gcp ?? GCPSettings(), access: cloud, wallClock: wallClock) {
                controlPlaneToken(of: FederatedSettings().serviceAccount, for: $0)
            }
        case .azure: return AzureIssuer(credentials.azure ?? AzureSettings(), access: cloud, wallClock: wallClock)
        }
    }

    private func controlPlaneToken(of account: String, for audience: String) -> FederatedIssuer {
        FederatedIssuer(
            .init(namespace: namespace, account: account, audience: audience), controlPlane: client,
            ownToken: ownToken, wallClock: wallClock)
    }

    /// Seconds. A token that is written back is valid for a day, so that a restart within that time finds a valid one.
    private static let writtenLife = 86_400

    private func writeBack(
        for settings: SourceSettings, isPublished: @escaping @Sendable () -> Bool,
        isHeld: @escaping @Sendable () -> Bool
    ) -> RenewingCredential.WriteBack? {
        let credentials = settings.credentials
        let request = credentials.tokenRequestSettings
        guard credentials.provider == .tokenRequest, request.writeBack == .auto else { return nil }
        let key = credentials.tokenKey ?? settings.clusterName + "_token"
        return RenewingCredential.WriteBack(
            issuer: TokenRequestIssuer(.init(request, seconds: Self.writtenLife), wallClock: wallClock),
            place: SecretEntry(
                client: client, namespace: namespace, secret: credentials.secretName, key: key,
                isPublished: isPublished, writeLog: writeLog), isHeld: isHeld)
    }
}

extension TokenRequestIssuer.Settings {
    init(_ settings: TokenRequestSettings, seconds: Int) {
        self.init(namespace: settings.namespace, account: settings.serviceAccount, expirationSeconds: seconds)
    }
}
