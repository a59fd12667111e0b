extension ClustersPlan.Usability {
    /// What flyteadmin would find under `publish.credentialsPath`, where it has the Secret `cluster-credentials` mounted.
    ///
    /// A token that has ended leaves the file in its place, and flyteadmin starts: time alone must not send a label's
    /// executions to other clusters. (The health-aware map does, for those who ask for it.)
    ///
    /// - Parameter verdict: nil where the Secret has not been read yet.
    public init(_ verdict: CredentialsVerdict?, of object: DataPlane) {
        if object.spec.inCluster {
            self = .usable
        } else if let elsewhere = Self.elsewhere(object) {
            self = elsewhere
        } else {
            switch verdict {
            case nil: self = .unknown
            case .valid?, .invalid(.tokenExpired, _)?: self = .usable
            case .invalid(let reason, let message)?: self = .unusable(reason: reason.rawValue, message: message)
            }
        }
    }

    /// The same from what the operator has said of it, for who may not read the Secret.
    public init(statusOf object: DataPlane) {
        if object.spec.inCluster {
            self = .usable
        } else if let elsewhere = Self.elsewhere(object) {
            self = elsewhere
        } else if let condition = object.status?.conditions[.credentialsValid], condition.status == .isFalse,
            let reason = CredentialsReason(rawValue: condition.reason), reason != .tokenExpired,
            reason != .tokenRejected
        {
            self = .unusable(reason: reason.rawValue, message: condition.message)
        } else {
            self = .usable
        }
    }

    /// The reason for a data plane whose credentials are in a Secret that flyteadmin doesn't have mounted.
    static let notMounted = "SecretNotMounted"

    private static func elsewhere(_ object: DataPlane) -> ClustersPlan.Usability? {
        let name = object.spec.credentials.secretName
        guard name != CredentialsReference.defaultSecretName else { return nil }
        return .unusable(
            reason: notMounted,
            message: "its Secret is \(name), and publish.credentialsPath is the mount of "
                + CredentialsReference.defaultSecretName)
    }
}
