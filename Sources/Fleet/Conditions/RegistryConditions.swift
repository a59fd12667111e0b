import KubeObjects
import Support

/// What is known of the whole fleet.
public struct RegistryFacts: Sendable {
    public enum Templates: Sendable, Hashable {
        /// The ConfigMap has not been read yet.
        case pending
        case valid(String)
        /// The text is the whole message.
        case configMapNotFound(String)
        /// The text is the whole message.
        case invalid(String)
    }
    public enum Publishing: Sendable, Hashable {
        case notConfigured
        /// `spec.mode` is Observe.
        case observing
        case pending
        case published(String)
        /// Published, except for parts of the last good state that stay. The text says why.
        case labelWouldBeEmpty(String)
        case failed(String)
    }
    public enum Rollout: Sendable, Hashable {
        case notConfigured
        /// `spec.mode` is Observe.
        case observing
        case pending
        case progressing(String)
        case rolledOut(String)
        case failed(String)
        case held(String)
    }
    /// The registry's values, as far as they are pasted from Flyte's or read from its ConfigMap.
    public enum Values: Sendable, Hashable {
        case valid
        /// The ConfigMap has not been read yet.
        case pending
        /// The text is the whole message.
        case configMapNotFound(String)
        /// The text is the whole message.
        case invalid(String)
    }
    public var templates = Templates.valid("Namespace and default ServiceAccount")
    public var values = Values.valid
    public var publishing = Publishing.notConfigured
    public var rollout = Rollout.notConfigured
    public var dataPlanes = ClusterRegistryStatus.Counts(total: 0, ready: 0)
    public var executionLabels = ClusterRegistryStatus.Counts(total: 0, ready: 0)
    public var executionClusterLabels = ClusterRegistryStatus.Counts(total: 0, ready: 0)
    /// Over all enabled data planes.
    public var namespaces = NamespaceCounts.zero
    /// The copies of `replicateSecrets` in all enabled data planes. Nil if nothing is copied.
    public var replicatedSecrets: ReplicationCounts?
    /// Why a Secret of `replicateSecrets` is not copied.
    public var replicationProblem: String?
    /// The projects that flyteadmin has archived, if its projects count.
    public var archivedProjects: Set<String> = []
    /// The names of the objects that are not Ready, for the messages. Disabled DataPlanes are not among them, since
    /// that is intended.
    public var notReadyDataPlanes: [String] = []
    public var notReadyLabels: [String] = []
    /// Why the registry's identity is not known. Nothing is written anywhere then.
    public var identityProblem: String?
    /// Why a Secret in the registry's spec must not be used for its purpose.
    public var sourceNotAllowed: String?
    /// The kinds of custom resources that the API server does not have. Their objects do not count as deleted.
    public var missingKinds: String?
    /// Why a staged rollout stands still: something in the registry can't be followed.
    public var rolloutProblem: String?
    /// The progress of a staged rollout. Nil if changes go to all data planes at once.
    public var stagedRollout: RolloutStatus?
    /// Why a list of the control plane is not believed. What is known of it may be outdated.
    public var doubtfulList: String?

    public init() {}

    static let types: [ConditionType] = [.templatesValid, .published, .rolledOut, .ready]

    public func findings(of object: ClusterRegistry) -> [ConditionFinding] {
        if object.metadata.name != ClusterRegistry.theName {
            let message = "only the ClusterRegistry named \(ClusterRegistry.theName) counts"
            return Self.types.map {
                $0 == .ready ? .no(.ready, Reason.ignored, message) : .unknown($0, Reason.ignored, message)
            }
        }
        if let problem = object.spec.problems().first { return ConditionFinding.invalid(Self.types, problem) }
        let parts = [templatesFinding, publishedFinding, rolledOutFinding]
        return parts + [ready(parts, object.spec.mode)]
    }

    private var templatesFinding: ConditionFinding {
        let own = ownTemplatesFinding
        var other: ConditionFinding
        switch values {
        case .valid: return own
        case .pending:
            other = .unknown(.templatesValid, Reason.pending, "the ConfigMap of spec.importFrom has not been read yet")
        case .configMapNotFound(let message): other = .no(.templatesValid, Reason.configMapNotFound, message)
        case .invalid(let message): other = .no(.templatesValid, Reason.valuesInvalid, message)
        }
        // One condition shows both. What is known without the other comes first.
        if own.status == .isFalse {
            if other.status == .isFalse { return .no(.templatesValid, own.reason, own.message + "; " + other.message) }
            return own
        }
        if own.status == .unknown, other.status == .isFalse { other.message += "; " + own.message }
        return other
    }

    private var ownTemplatesFinding: ConditionFinding {
        switch templates {
        case .pending: .unknown(.templatesValid, Reason.pending, "the ConfigMap has not been read yet")
        case .valid(let message): .yes(.templatesValid, Reason.valid, message)
        case .configMapNotFound(let message): .no(.templatesValid, Reason.configMapNotFound, message)
        case .invalid(let message): .no(.templatesValid, Reason.templateInvalid, message)
        }
    }

    private var publishedFinding: ConditionFinding {
        switch publishing {
        case .notConfigured: .no(.published, Reason.notConfigured, "spec.publish.clustersConfigMap is not set")
        case .observing: .unknown(.published, Reason.observing, "nothing is written: spec.mode is Observe")
        case .pending: .unknown(.published, Reason.pending, "not written yet")
        case .published(let message): .yes(.published, Reason.published, message)
        case .labelWouldBeEmpty(let message): .no(.published, Reason.labelWouldBeEmpty, message)
        case .failed(let message): .no(.published, Reason.publishFailed, message)
        }
    }

    private var rolledOutFinding: ConditionFinding {
        switch rollout {
        case .notConfigured: .no(.rolledOut, Reason.notConfigured, "spec.publish.restart is not set")
        case .observing: .unknown(.rolledOut, Reason.observing, "nothing is restarted: spec.mode is Observe")
        case .pending: .unknown(.rolledOut, Reason.pending, "not known yet: what flyteadmin has read")
        case .progressing(let message): .no(.rolledOut, Reason.progressing, message)
        case .rolledOut(let message): .yes(.rolledOut, Reason.rolledOut, message)
        case .failed(let message): .no(.rolledOut, Reason.rolloutFailed, message)
        case .held(let message): .no(.rolledOut, Reason.rolloutHeld, message)
        }
    }

    private func ready(_ parts: [ConditionFinding], _ mode: Mode) -> ConditionFinding {
        if let identityProblem { return .no(.ready, Reason.identityUnknown, identityProblem) }
        if let missingKinds { return .no(.ready, Reason.kindMissing, missingKinds) }
        if let rolloutProblem { return .no(.ready, Reason.rolloutInvalid, rolloutProblem) }
        if let sourceNotAllowed { return .no(.ready, Reason.sourceNotAllowed, sourceNotAllowed) }
        if let replicationProblem { return .no(.ready, Reason.syncFailed, replicationProblem) }
        if let doubtfulList { return .no(.ready, Reason.syncFailed, doubtfulList) }
        // The cause comes before its effect: without usable templates no data plane is in sync.
        if let templates = parts.first, templates.status == .isFalse { return templates.as(.ready) }
        if !notReadyDataPlanes.isEmpty {
            return .no(.ready, Reason.dataPlanesNotReady, "not ready: \(notReadyDataPlanes.sorted().listed())")
        }
        if !notReadyLabels.isEmpty {
            return .no(.ready, Reason.labelsNotReady, "not ready: \(notReadyLabels.sorted().listed())")
        }
        if namespaces.synced < namespaces.desired || namespaces.failed > 0 {
            let message =
                "\(namespaces.synced) of \(namespaces.desired) namespaces are in sync, \(namespaces.failed) failed"
            return .no(.ready, Reason.syncFailed, message)
        }
        let counted = parts.filter { $0.reason != Reason.notConfigured && $0.reason != Reason.observing }
        return .ready(counted, mode == .observe ? "nothing is written: spec.mode is Observe" : "everything is in sync")
    }

    public func status(of object: ClusterRegistry, now: Instant) -> ClusterRegistryStatus {
        var status = ClusterRegistryStatus(findings(of: object), of: object, now: now)
        guard object.metadata.name == ClusterRegistry.theName else { return status }
        status.dataPlanes = dataPlanes
        status.executionLabels = executionLabels
        status.executionClusterLabels = executionClusterLabels
        status.namespaces = namespaces
        status.replicatedSecrets = replicatedSecrets
        status.archivedProjects = .init(archivedProjects)
        status.rollout = stagedRollout
        status.summary = .init(
            dataPlanes: dataPlanes.summary, labels: executionLabels.summary,
            assignments: executionClusterLabels.summary,
            namespaces: namespaces.summary)
        return status
    }
}
