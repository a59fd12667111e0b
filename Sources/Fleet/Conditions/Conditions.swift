import KubeObjects

// Condition types and reasons. These are the contract's strings, and no other place spells them.
//
// | Kind                  | Condition        | True               | False                                             | Unknown
// |-----------------------|------------------|--------------------|---------------------------------------------------|----------
// | DataPlane             | CredentialsValid | Valid              | `CredentialsReason`                               |
// |                       | Reachable        | ProbeSucceeded     | `ReachableReason`                                 |
// |                       | Authorized       | PermissionsGranted | PermissionsMissing                                |
// |                       | Available        | Available          | … Disabled DuplicateCluster IdentityChanged       |
// |                       | FlyteReady       | FlyteReady         | PropellerNotFound PropellerUnavailable            |
// |                       |                  |                    | FlyteCRDMissing FlyteAdminTokenRejected           |
// |                       |                  |                    | FlyteAdminForbidden                               |
// |                       | Synced           | InSync             | Pending SyncFailed Conflict PruneHeld             | Observing
// |                       |                  |                    | SourceNotAllowed                                  |
// |                       | Ready            | Ready Observing    | … Disabled DuplicateCluster IdentityChanged       |
// | ExecutionLabel        | Ready            | Resolved           | `LabelReason`                                     |
// | ExecutionClusterLabel | LabelResolved    | Resolved           | LabelNotFound LabelNotReady                       |
// |                       | NamespaceSynced  | InSync             | Pending Partial SyncFailed InvalidName            |
// |                       |                  |                    | UnknownDomain SourceNotAllowed                    |
// |                       | Published        | Published          | FlyteAdminNotConfigured FlyteAdminUnreachable     | Observing
// |                       |                  |                    | FlyteAdminRefused SourceNotAllowed                |
// |                       |                  |                    | WaitingForRollout                                 |
// |                       | Ready            | Ready              | … DuplicateAssignment                             |
// | FlyteProject          | NamespaceSynced  | InSync             | Pending Partial SyncFailed InvalidName            |
// |                       |                  |                    | UnknownDomain SourceNotAllowed                    |
// |                       | Published        | Published          | FlyteAdminNotConfigured FlyteAdminUnreachable     | Observing
// |                       |                  |                    | FlyteAdminRefused                                 |
// |                       | Ready            | Ready              | … DuplicateProject ValueLocked                    |
// | ClusterRegistry       | TemplatesValid   | Valid              | ConfigMapNotFound TemplateInvalid ValuesInvalid   |
// |                       | Published        | Published          | NotConfigured PublishFailed LabelWouldBeEmpty     | Observing
// |                       | RolledOut        | RolledOut          | NotConfigured Progressing RolloutFailed           | Observing
// |                       |                  |                    | RolloutHeld                                       |
// |                       | Ready            | Ready              | … IdentityUnknown KindMissing RolloutInvalid      |
// |                       |                  |                    | SourceNotAllowed DataPlanesNotReady               |
// |                       |                  |                    | LabelsNotReady SyncFailed Ignored                 |
//
// "…" stands for the first reason above that is not True. hack/reference writes this table into docs/api.md.
// `FlyteReady` exists only with spec.flyteHealth. `Published` of a FlyteProject exists only if it wants something in
// flyteadmin. `Reconciling` and `Stalled` exist on all kinds, only while they are True, and repeat the reason of Ready.
// Stalled means that only a person can help.
//
// These are ours, beside the contract's: `Invalid` (a spec that can't be used, on Ready of every kind; the message
// names the field), `DuplicateProject` (two FlyteProjects of one project) and `Ignored` (a ClusterRegistry with another
// name than `flyte`). The reasons of `Unknown` are `Pending`, `Disabled`, `Invalid`, and the reason that keeps the
// condition from being known.

public enum ConditionType: String, Sendable, Hashable, CaseIterable {
    case credentialsValid = "CredentialsValid"
    case reachable = "Reachable"
    case authorized = "Authorized"
    /// The data plane accepts requests. Labels, assignments and the health-aware map use this, and not `Ready`.
    case available = "Available"
    /// A workflow would run there. It exists only if the registry asks for it. While it is False, `Ready` is False too;
    /// `Available` does not depend on it.
    case flyteReady = "FlyteReady"
    case synced = "Synced"
    case labelResolved = "LabelResolved"
    case namespaceSynced = "NamespaceSynced"
    case templatesValid = "TemplatesValid"
    case published = "Published"
    case rolledOut = "RolledOut"
    case ready = "Ready"
    /// The two conditions of kstatus, on all kinds and only while they are True: see `Progress.swift`.
    case reconciling = "Reconciling"
    case stalled = "Stalled"
}

/// Why credentials can't be used.
public enum CredentialsReason: String, Sendable, Hashable, CaseIterable {
    case secretNotFound = "SecretNotFound"
    /// The Secret's label says that it is for something else.
    case sourceNotAllowed = "SourceNotAllowed"
    /// The Secret's annotation does not name the host to which they would be sent.
    case hostNotAllowed = "HostNotAllowed"
    case tokenMissing = "TokenMissing"
    case caCertMissing = "CACertMissing"
    case tokenMalformed = "TokenMalformed"
    case caCertMalformed = "CACertMalformed"
    /// Token and CA belong to different clusters.
    case keysMismatch = "KeysMismatch"
    case tokenExpired = "TokenExpired"
    /// The data plane answered 401.
    case tokenRejected = "TokenRejected"
    /// The data plane refused the renewed token, or it has expired, and the Secret has no token that works.
    case renewalFailed = "RenewalFailed"
}

/// Why a data plane can't be reached.
public enum ReachableReason: String, Sendable, Hashable, CaseIterable {
    case dnsFailed = "DNSFailed"
    case connectFailed = "ConnectFailed"
    case tlsUntrusted = "TLSUntrusted"
    case tlsNameMismatch = "TLSNameMismatch"
    case tlsExpired = "TLSExpired"
    case timeout = "Timeout"
    case tooManyRequests = "TooManyRequests"
    case serverError = "ServerError"
}

/// Why an object could not be applied: the reasons in `failures`.
public enum FailureReason: String, Sendable, Hashable, CaseIterable {
    case namespaceTerminating = "NamespaceTerminating"
    case namespaceNotOurs = "NamespaceNotOurs"
    /// It existed before, and the registry does not allow us to adopt it.
    case namespaceNotAdopted = "NamespaceNotAdopted"
    case placeholderUnresolved = "PlaceholderUnresolved"
    case templateInvalid = "TemplateInvalid"
    case kindNotServed = "KindNotServed"
    case forbidden = "Forbidden"
    case conflict = "Conflict"
    case invalid = "Invalid"
    /// The data plane changes what we write.
    case rewritten = "Rewritten"
    case dnsFailed = "DNSFailed"
    case connectFailed = "ConnectFailed"
    case tlsUntrusted = "TLSUntrusted"
    case tlsNameMismatch = "TLSNameMismatch"
    case tlsExpired = "TLSExpired"
    case timeout = "Timeout"
    case tooManyRequests = "TooManyRequests"
    case serverError = "ServerError"

    public init(_ reason: ReachableReason) {
        self =
            switch reason {
            case .dnsFailed: .dnsFailed
            case .connectFailed: .connectFailed
            case .tlsUntrusted: .tlsUntrusted
            case .tlsNameMismatch: .tlsNameMismatch
            case .tlsExpired: .tlsExpired
            case .timeout: .timeout
            case .tooManyRequests: .tooManyRequests
            case .serverError: .serverError
            }
    }
}

/// Why an ExecutionLabel is not Ready.
public enum LabelReason: String, Sendable, Hashable, CaseIterable {
    case invalid = "Invalid"
    case weightsInvalid = "WeightsInvalid"
    case duplicateLabel = "DuplicateLabel"
    case unknownCluster = "UnknownCluster"
    case clusterDisabled = "ClusterDisabled"
    case noReadyCluster = "NoReadyCluster"
}

/// All other reasons.
public enum Reason {
    public static let valid = "Valid"
    public static let probeSucceeded = "ProbeSucceeded"
    public static let permissionsGranted = "PermissionsGranted"
    public static let permissionsMissing = "PermissionsMissing"
    public static let available = "Available"
    public static let flyteReady = "FlyteReady"
    public static let propellerNotFound = "PropellerNotFound"
    public static let propellerUnavailable = "PropellerUnavailable"
    public static let flyteCRDMissing = "FlyteCRDMissing"
    public static let flyteAdminTokenRejected = "FlyteAdminTokenRejected"
    public static let flyteAdminForbidden = "FlyteAdminForbidden"
    public static let inSync = "InSync"
    /// Nothing is written: `mode: Observe`.
    public static let observing = "Observing"
    public static let pending = "Pending"
    public static let partial = "Partial"
    public static let syncFailed = "SyncFailed"
    public static let conflict = "Conflict"
    /// A Secret is named for a purpose that its label does not allow.
    public static let sourceNotAllowed = "SourceNotAllowed"
    public static let invalidName = "InvalidName"
    public static let unknownDomain = "UnknownDomain"
    public static let valueLocked = "ValueLocked"
    public static let valuesInvalid = "ValuesInvalid"
    public static let ready = "Ready"
    public static let disabled = "Disabled"
    public static let duplicateCluster = "DuplicateCluster"
    public static let identityChanged = "IdentityChanged"
    public static let resolved = "Resolved"
    public static let labelNotFound = "LabelNotFound"
    public static let labelNotReady = "LabelNotReady"
    public static let published = "Published"
    public static let flyteAdminNotConfigured = "FlyteAdminNotConfigured"
    public static let flyteAdminUnreachable = "FlyteAdminUnreachable"
    public static let flyteAdminRefused = "FlyteAdminRefused"
    public static let duplicateAssignment = "DuplicateAssignment"
    public static let duplicateProject = "DuplicateProject"
    public static let configMapNotFound = "ConfigMapNotFound"
    public static let templateInvalid = "TemplateInvalid"
    public static let notConfigured = "NotConfigured"
    public static let publishFailed = "PublishFailed"
    public static let labelWouldBeEmpty = "LabelWouldBeEmpty"
    public static let waitingForRollout = "WaitingForRollout"
    public static let rolledOut = "RolledOut"
    public static let progressing = "Progressing"
    public static let rolloutFailed = "RolloutFailed"
    public static let rolloutHeld = "RolloutHeld"
    public static let identityUnknown = "IdentityUnknown"
    public static let kindMissing = "KindMissing"
    /// The registry's staged rollout can't be followed.
    public static let rolloutInvalid = "RolloutInvalid"
    public static let pruneHeld = "PruneHeld"
    public static let dataPlanesNotReady = "DataPlanesNotReady"
    public static let labelsNotReady = "LabelsNotReady"
    public static let invalid = "Invalid"
    public static let ignored = "Ignored"
}
