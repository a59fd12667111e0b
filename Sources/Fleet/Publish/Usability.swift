/// Where flyteadmin reads the credentials of a data plane: in the Secret `cluster-credentials`, which it has mounted at
/// `publish.credentialsPath`. Squadron may reach the data plane with another Secret that has fewer rights. Then
/// flyteadmin's entries have the names of Flyte's guide.
public struct PublishedCredentials: Sendable, Hashable {
    public static let secretName = CredentialsReference.defaultSecretName
    public var tokenKey: String
    public var caCertKey: String
    /// Where flyteadmin sends them.
    public var endpoint: String

    public init(of object: DataPlane) {
        let isShared = object.spec.credentials.secretName == Self.secretName
        let own = object.spec.flyteAdmin
        tokenKey = own?.tokenKey ?? (isShared ? object.tokenKey : object.clusterName + "_token")
        // Token and CA belong to one cluster, so a token for flyteadmin implies the CA with the same beginning.
        let beside = own?.tokenKey.flatMap { Self.caCertKey(beside: $0) }
        caCertKey = own?.caCertKey ?? beside ?? (isShared ? object.caCertKey : object.clusterName + "_cacert")
        endpoint = own?.endpoint.flatMap { $0.isEmpty ? nil : $0 } ?? object.spec.endpoint ?? ""
    }

    private static func caCertKey(beside tokenKey: String) -> String? {
        tokenKey.hasSuffix("_token") ? String(tokenKey.dropLast("_token".count)) + "_cacert" : nil
    }

    public var place: CredentialsPlace {
        CredentialsPlace(secretName: Self.secretName, tokenKey: tokenKey, caCertKey: caCertKey, endpoint: endpoint)
    }
}

extension ClustersPlan.Usability {
    /// An expired token leaves its file in place, so flyteadmin starts: time alone must not send a label's executions
    /// to other clusters. (The health-aware map does that on request.)
    ///
    /// - Parameter checked: the `PublishedCredentials`, as they were read. Nil if the Secret has not been read yet.
    public init(_ checked: CheckedCredentials?, of object: DataPlane) {
        switch checked {
        case _ where object.spec.inCluster: self = .usable
        case nil: self = .unknown
        case .valid?, .invalid(.tokenExpired, _)?: self = .usable
        case .invalid(let reason, let message)?: self = .unusable(reason: reason.rawValue, message: message)
        }
    }

    /// The same from the object's status, for a caller that may not read the Secret. The status says nothing about
    /// entries that only flyteadmin uses, so these are taken to be good.
    public init(statusOf object: DataPlane) {
        let isShared = object.spec.credentials.secretName == PublishedCredentials.secretName && !object.spec.inCluster
        if isShared, let condition = object.status?.conditions[.credentialsValid], condition.status == .isFalse,
            let reason = CredentialsReason(rawValue: condition.reason), reason != .tokenExpired,
            reason != .tokenRejected, reason != .renewalFailed
        {
            self = .unusable(reason: reason.rawValue, message: condition.message)
        } else {
            self = .usable
        }
    }
}
