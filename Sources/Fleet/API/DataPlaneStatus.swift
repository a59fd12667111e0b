import KubeObjects

public struct DataPlaneStatus: CustomResourceStatus {
    public var observedGeneration: Int64?
    public var conditions: [Condition] = []
    /// Flyte's cluster id: what the CLUSTER column shows, since a CRD can't default it from the name.
    public var clusterName: String?
    /// `v1.36.0`.
    public var kubernetesVersion: String?
    /// The UID of the data plane's `kube-system` namespace: which cluster answered, recorded before the first write.
    public var clusterUID: String?
    /// Where that cluster answered. A DataPlane that is given another endpoint may be another cluster; one whose
    /// endpoint stays may not.
    public var endpoint: String?
    /// Who the token is there: `system:serviceaccount:flyte:flyteadmin`.
    public var identity: String?
    public var tokenExpirationTime: Timestamp?
    public var caExpirationTime: Timestamp?
    /// When a token that renews itself is renewed next.
    public var tokenRenewalTime: Timestamp?
    public var credential: CredentialInUse?
    /// The warnings that were given about the end of either, so that each is given once.
    public var expiryWarnings: [ExpiryWarning]?
    public var namespaces: NamespaceCounts?
    /// What flyteadmin runs there, while it takes nothing new.
    public var executions: ExecutionCount?
    /// The revision of templates and values that it has, where changes are staged.
    public var appliedRevision: Int64?
    /// The mode in force: the spec's, else the registry's.
    public var mode: Mode?
    /// In Observe: what would be written.
    public var plan: PlannedChanges?
    /// Oldest first, at most 16.
    public var failures: [FailureEntry]?
    /// Of all failing objects; nil where there are none.
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
    /// Whether it can be worked with. Before version 0.2 a status had no such condition: then `Ready`, which is stricter,
    /// says it until the status is written anew.
    public var availability: Condition? { conditions[.available] ?? conditions[.ready] }

    /// What `publish.healthAware` goes by. A data plane that is not Available is not well either way: `FlyteReady` can't be
    /// known then. Where the registry does not ask for `FlyteReady`, `Available` decides.
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

/// Something that could not be applied.
public struct FailureEntry: Sendable, Hashable, Codable {
    public var namespace: String
    /// `serviceaccounts/default`; empty for the namespace as a whole.
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
