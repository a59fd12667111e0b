import KubeObjects

public struct DataPlaneStatus: CustomResourceStatus {
    public var observedGeneration: Int64?
    public var conditions: [Condition] = []
    /// Flyte's cluster id for the CLUSTER column, since a CRD can't take a default from the name.
    public var clusterName: String?
    /// `v1.36.0`.
    public var kubernetesVersion: String?
    /// The UID of the data plane's `kube-system` namespace. It says which cluster answered, and is recorded before the
    /// first write.
    public var clusterUID: String?
    /// Where that cluster answered. A DataPlane with a new endpoint may be another cluster, but not one whose endpoint
    /// stays.
    public var endpoint: String?
    /// The user name of the token: `system:serviceaccount:flyte:flyteadmin`.
    public var identity: String?
    public var tokenExpirationTime: Timestamp?
    public var caExpirationTime: Timestamp?
    /// When a token that renews itself is renewed next.
    public var tokenRenewalTime: Timestamp?
    public var credential: CredentialInUse?
    /// The warnings that were given about the end of the token or the CA, so that each is given once.
    public var expiryWarnings: [ExpiryWarning]?
    public var namespaces: NamespaceCounts?
    /// What flyteadmin still runs there while it gets no new executions.
    public var executions: ExecutionCount?
    /// The revision of templates and values in the data plane, if changes are staged.
    public var appliedRevision: Int64?
    /// The mode in force: the spec's, else the registry's.
    public var mode: Mode?
    /// In Observe: what would be written.
    public var plan: PlannedChanges?
    /// Oldest first, at most 16.
    public var failures: [FailureEntry]?
    /// The number of all failing objects. Nil if there are none.
    public var failuresTotal: Int?
    public var summary: Summary?

    /// Ready-made texts for the columns of `kubectl get`, which can only show a field.
    public struct Summary: Sendable, Hashable, Codable {
        /// "12/12".
        public var synced: String
        public init(synced: String) { self.synced = synced }
    }

    public init() {}
}

extension DataPlaneStatus {
    /// Whether requests may be sent to it. A status from before version 0.2 has no such condition. `Ready`, which is
    /// stricter, stands in until the status is written again.
    public var availability: Condition? { conditions[.available] ?? conditions[.ready] }

    /// What `publish.healthAware` uses. A data plane that is not Available is not healthy either way, since
    /// `FlyteReady` can't be known then. If the registry does not ask for `FlyteReady`, `Available` decides.
    func health(by condition: Publish.HealthAware.Deciding) -> HealthAwareMap.Health? {
        guard let availability else { return nil }
        var all = [availability]
        if condition == .flyteReady, let flyteReady = conditions[.flyteReady] { all.append(flyteReady) }
        let sick = all.filter { $0.status == .isFalse }.map(\.lastTransitionTime.instant)
        if let since = sick.min() { return .init(available: .isFalse, since: since) }
        let latest = all.map(\.lastTransitionTime.instant).max() ?? availability.lastTransitionTime.instant
        let isWell = all.allSatisfy { $0.status == .isTrue }
        return .init(available: isWell ? .isTrue : .unknown, since: latest)
    }
}

public struct NamespaceCounts: Sendable, Hashable, Codable {
    public var desired: Int
    public var synced: Int
    public var failed: Int

    public init(desired: Int, synced: Int, failed: Int) {
        self.desired = desired
        self.synced = synced
        self.failed = failed
    }
    public static var zero: NamespaceCounts { NamespaceCounts(desired: 0, synced: 0, failed: 0) }
    public static func + (left: NamespaceCounts, right: NamespaceCounts) -> NamespaceCounts {
        NamespaceCounts(
            desired: left.desired + right.desired, synced: left.synced + right.synced,
            failed: left.failed + right.failed)
    }
    /// "11/12".
    public var summary: String { "\(synced)/\(desired)" }
}

/// An object that could not be applied.
public struct FailureEntry: Sendable, Hashable, Codable {
    public var namespace: String
    /// For example `serviceaccounts/default`. Empty for the namespace as a whole.
    public var object: String
    /// One of `FailureReason`.
    public var reason: String
    public var message: String
    public var since: Timestamp
    public var attempts: Int

    public init(
        namespace: String, object: String, reason: FailureReason, message: String, since: Timestamp, attempts: Int
    ) {
        self.namespace = namespace
        self.object = object
        self.reason = reason.rawValue
        self.message = message
        self.since = since
        self.attempts = attempts
    }
}
