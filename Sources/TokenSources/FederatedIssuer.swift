import Fleet
import Kube
import Support

/// A token of the control plane with the data plane's audience. The data plane's API server trusts the control plane's
/// issuer (`--oidc-issuer-url`, or `jwt` of an AuthenticationConfiguration).
public struct FederatedIssuer: TokenIssuer {
    public struct Settings: Sendable, Hashable {
        public var namespace: String
        public var account: String
        public var audience: String
        public var expirationSeconds: Int

        public init(namespace: String, account: String, audience: String, expirationSeconds: Int = 3_600) {
            self.namespace = namespace
            self.account = account
            self.audience = audience
            self.expirationSeconds = expirationSeconds
        }
    }

    private let settings: Settings
    /// The client of the control plane.
    private let controlPlane: KubeClient
    /// The operator's own token in the control plane. Its audiences are the control plane's own.
    private let ownToken: @Sendable () async -> Sensitive?
    private let wallClock: WallClock

    public init(
        _ settings: Settings, controlPlane: KubeClient, ownToken: @escaping @Sendable () async -> Sensitive?,
        wallClock: WallClock = .system
    ) {
        self.settings = settings
        self.controlPlane = controlPlane
        self.ownToken = ownToken
        self.wallClock = wallClock
    }

    public func issue(through client: KubeClient?) async throws(IssueFailure) -> IssuedToken {
        let own = await ownToken().flatMap(AccountToken.read)?.audiences ?? []
        try refuse(own)
        let token: Sensitive
        do throws(KubeError) {
            token = try await controlPlane.requestToken(
                of: settings.account, in: settings.namespace, audiences: [settings.audience],
                expirationSeconds: settings.expirationSeconds
            ).value
        } catch {
            throw IssueFailure(
                error.isForbidden ? "\(error); manifests/components/federated grants it" : error.description)
        }
        guard let claims = AccountToken.read(token), let lifetime = claims.lifetime else {
            throw IssueFailure("the control plane's token is not one of a ServiceAccount that expires")
        }
        // With other audiences, the data plane would hold a token that the control plane or a third cluster also
        // accepts.
        guard claims.audiences == [settings.audience] else {
            throw IssueFailure(
                "the control plane's token has other audiences than \(settings.audience.shortForMessage)")
        }
        return IssuedToken(token, lifetime: lifetime, received: wallClock.now)
    }

    /// Refuses the control plane's own audiences: with such a token, a data plane could act in the control plane. `own` is
    /// empty where the operator has no token of its own there (a client certificate). Then audiences that only
    /// `--api-audiences` names are not known here.
    private func refuse(_ own: [String]) throws(IssueFailure) {
        let usual = ["https://kubernetes.default.svc", "https://kubernetes.default.svc.cluster.local", "api"]
        let server = controlPlane.server
        guard !(own + usual + [server]).contains(settings.audience) else {
            throw IssueFailure(
                "\(settings.audience.shortForMessage) is the control plane's own audience: a data plane never gets such "
                    + "a token")
        }
    }
}
