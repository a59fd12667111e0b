import KubeObjects
import Support

/// Everything that is known of a data plane. Its conditions follow from this.
public struct DataPlaneFacts: Sendable {
    public enum CredentialsFact: Sendable, Hashable {
        case unknown
        /// The text says where they come from and which end soon.
        case valid(String)
        case invalid(CredentialsReason, String)
    }
    public enum Probe: Sendable, Hashable {
        case unknown
        /// The text is for example "answered at https://…".
        case succeeded(String)
        case failed(ReachableReason, String)
        /// Newer settings don't work, but those in use do, so that the rest is known.
        case failedWithNewSettings(ReachableReason, String)
    }
    public enum Authorization: Sendable, Hashable {
        case unknown
        case granted
        case missing([Permission])
        /// The account may not ask for its rights.
        case unsaid
        /// The same, and every request so far was allowed.
        case inferred
    }
    public enum Identity: Sendable, Hashable {
        case unknown
        /// The same cluster as before, or the first one that was seen.
        case confirmed(uid: String)
        case changed(recorded: String, found: String)
    }
    public enum Sync: Sendable, Hashable {
        case unknown
        case counted(NamespaceCounts)
    }

    /// Another, older DataPlane has the same cluster. The text is the whole message.
    public var duplicate: String?
    public var credentials = CredentialsFact.unknown
    public var probe = Probe.unknown
    public var authorization = Authorization.unknown
    /// Whether Namespaces and ServiceAccounts are listed, as far as they are needed. That shows our rights if the
    /// account may not ask for them.
    public var listsEssentials = false
    public var identity = Identity.unknown
    /// The state of Flyte itself there, and where to find it. Nil if the registry does not ask for it.
    public var flyte: (health: FlyteHealth, settings: FlyteHealthSettings)?
    public var sync = Sync.unknown
    /// Why our knowledge of the data plane's objects may be wrong.
    public var listTrouble: String?
    /// Why a Secret in `valuesFrom` must not be used for that.
    public var sourceNotAllowed: String?
    /// Why it is not known what is wanted: the ClusterRegistry can't be used, and there are no earlier settings.
    public var registryProblem: String?
    /// Why objects that left the templates were not deleted.
    public var heldBack: String?
    /// A deleted object that is not gone, for the message.
    public var endingObject: String?
    /// At least the oldest ones, as many as the status shows.
    public var failures: [FailureEntry] = []
    /// The number of all failures, also of those that are not in `failures`.
    public var failuresTotal = 0
    /// The mode in force. Nil while the data plane is left alone.
    public var mode: Mode?
    /// In Observe: what would be written.
    public var plan: PlannedChanges?
    /// Namespaces that have not been looked at yet.
    public var pending = 0
    /// What all namespaces wait for, whatever the state of the data plane is.
    public var awaited: Awaited?
    public var kubernetesVersion: String?
    /// The user name of the token.
    public var user: String?
    public var tokenLifetime: Lifetime?
    public var caLifetime: Lifetime?
    /// When the token is renewed next.
    public var tokenRenewalTime: Timestamp?
    /// The fingerprint of the token in use. Nil if it is not known.
    public var credentialFingerprint: String?

    public init() {}

    /// Whether a connection works, with the newest settings or with earlier ones.
    var isConnected: Bool {
        switch probe {
        case .succeeded, .failedWithNewSettings: true
        case .unknown, .failed: false
        }
    }
}

extension DataPlaneFacts {
    /// The status to store, given the earlier one. Equal statuses need no write.
    public func status(of object: DataPlane, now: Instant) -> DataPlaneStatus {
        let previous = object.status
        var status = DataPlaneStatus(DataPlaneConditions.conditions(of: object, self), of: object, now: now)
        status.clusterName = object.clusterName
        // Earlier knowledge stays, so that a data plane that is away or disabled can still be identified.
        status.kubernetesVersion = kubernetesVersion ?? previous?.kubernetesVersion
        status.identity = user ?? previous?.identity
        (status.clusterUID, status.endpoint) = (previous?.clusterUID, previous?.endpoint)
        if case .confirmed(let uid) = identity {
            (status.clusterUID, status.endpoint) = (uid, object.endpointDescription)
        }
        status.tokenExpirationTime = tokenLifetime?.end
        status.caExpirationTime = caLifetime?.end
        status.tokenRenewalTime = tokenRenewalTime
        status.credential = DataPlaneStatus.CredentialInUse(
            credentialFingerprint, before: previous?.credential, now: now)
        let areKnown = if case .valid = credentials { true } else { false }
        let warned = ExpiryWarning.given(
            tokenLifetime, caLifetime, now: now, before: previous?.expiryWarnings ?? [], areKnown: areKnown)
        status.expiryWarnings = warned.isEmpty ? nil : warned
        if object.spec.enabled {
            if case .counted(let counts) = sync {
                status.namespaces = counts
            } else {
                status.namespaces = previous?.namespaces
            }
            status.failures = failures.isEmpty ? nil : FailureEntry.bounded(failures)
            status.failuresTotal = failures.isEmpty ? nil : max(failuresTotal, failures.count)
        }
        status.summary = status.namespaces.map { .init(synced: $0.summary) }
        (status.mode, status.plan) = (object.spec.enabled ? mode ?? previous?.mode : nil, plan)
        return status
    }
}
