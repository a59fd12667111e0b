import Fleet

/// What the providers of credentials need, beside reading Secrets.
struct TokenRights: Sendable {
    /// Accounts of the control plane for which the operator requests tokens.
    var federated: Set<String> = []
    /// Accounts of data planes that request their own tokens.
    var renewed: Set<String> = []
    /// Secrets to which a renewed token may be written. flyteadmin's Secret is never one of them.
    var written: Set<String> = []

    init(_ dataPlanes: [DataPlane]) {
        for plane in dataPlanes where !plane.spec.inCluster {
            let credentials = plane.spec.credentials
            switch credentials.provider {
            case .secret, .aws, .azure: break
            case .gcp:
                if !(credentials.gcp?.audience.isEmpty ?? true) { federated.insert(FederatedSettings().serviceAccount) }
            case .federated: federated.insert(credentials.federatedSettings.serviceAccount)
            case .tokenRequest:
                let settings = credentials.tokenRequestSettings
                renewed.insert(settings.serviceAccount)
                guard settings.writeBack == .auto, credentials.secretName != PublishedCredentials.secretName else {
                    continue
                }
                written.insert(credentials.secretName)
            }
        }
    }
}
