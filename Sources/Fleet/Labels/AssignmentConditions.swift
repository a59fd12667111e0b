import KubeObjects
import Support

/// The progress of a project-domain's namespace over all data planes that want it.
public struct NamespaceProgress: Sendable, Hashable {
    public var desired: Int
    public var synced: Int
    /// Attempts failed. All others are pending.
    public var failed: Int
    /// The first failure, for the message: "dataplane_2: Timeout: …".
    public var failure: String?
    /// What the first pending data plane waits for, for the message: "dataplane_2: Timeout".
    public var obstacle: String?
    /// What all data planes wait for, whatever their own state is.
    public var awaited: Awaited?

    public init(desired: Int, synced: Int, failed: Int, failure: String? = nil) {
        self.desired = desired
        self.synced = synced
        self.failed = failed
        self.failure = failure
    }
    public static var zero: NamespaceProgress { NamespaceProgress(desired: 0, synced: 0, failed: 0) }
    public static func + (left: NamespaceProgress, right: NamespaceProgress) -> NamespaceProgress {
        NamespaceProgress(
            desired: left.desired + right.desired, synced: left.synced + right.synced,
            failed: left.failed + right.failed,
            failure: left.failure ?? right.failure
        ).waiting(for: left.awaited ?? right.awaited).held(by: left.obstacle ?? right.obstacle)
    }
    public func held(by obstacle: String?) -> NamespaceProgress {
        var progress = self
        progress.obstacle = obstacle
        return progress
    }
    public func waiting(for awaited: Awaited?) -> NamespaceProgress {
        var progress = self
        progress.awaited = awaited
        return progress
    }
    public var counts: DataPlaneCounts { DataPlaneCounts(desired: desired, synced: synced) }

    /// - Parameter place: the namespaces for the message.
    func finding(_ place: String) -> ConditionFinding {
        let score = "\(place): on \(synced) of \(desired) data planes"
        let detail = failure.map { "; " + $0 } ?? ""
        if desired == 0 { return .no(.namespaceSynced, Reason.pending, "\(place): no data plane is enabled for it") }
        if synced >= desired { return .yes(.namespaceSynced, Reason.inSync, score) }
        if failed > 0 { return .no(.namespaceSynced, synced > 0 ? Reason.partial : Reason.syncFailed, score + detail) }
        return .pending(.namespaceSynced, score + (obstacle.map { "; " + $0 } ?? ""), awaited)
    }
}

/// The state of an assignment in flyteadmin.
public enum Publication: Sendable, Hashable {
    case notConfigured
    case pending
    case published
    case unreachable(String)
    /// A Secret for flyteadmin must not be used for that. The text says why.
    case sourceNotAllowed(String)
    /// flyteadmin's own words.
    case refused(String)
    /// flyteadmin does not run with that label yet.
    case waitingForRollout(String)
    /// It is deliberately not written. The text says why.
    case held(_ reason: String, String)
    /// Nothing is known in this process yet, so the earlier condition stays.
    case asBefore(Condition.Status, reason: String, message: String)

    var finding: ConditionFinding {
        switch self {
        case .notConfigured: .no(.published, Reason.flyteAdminNotConfigured, "the ClusterRegistry has no flyteAdmin")
        case .pending: .unknown(.published, Reason.pending, "not written to flyteadmin yet")
        case .published: .yes(.published, Reason.published, "flyteadmin has the label")
        case .unreachable(let message): .no(.published, Reason.flyteAdminUnreachable, message)
        case .sourceNotAllowed(let message): .no(.published, Reason.sourceNotAllowed, message)
        case .refused(let message): .no(.published, Reason.flyteAdminRefused, message)
        case .waitingForRollout(let label):
            .no(
                .published, Reason.waitingForRollout,
                "written once flyteadmin runs with the label \(label): the ClusterRegistry's RolledOut tells how far it is"
            )
        case .held(let reason, let message): .unknown(.published, reason, message)
        case .asBefore(let status, let reason, let message): ConditionFinding(.published, status, reason, message)
        }
    }
}

/// What is known of one ExecutionClusterLabel.
public struct AssignmentFacts: Sendable {
    public var object: ExecutionClusterLabel
    /// The older object with the same key.
    public var duplicateOf: String?
    /// The label in force, resolved. Nil if no label has that name.
    public var label: ResolvedLabel?
    /// Nil for a whole project, which wants no namespace.
    public var namespace: NamespaceAnswer?
    public var progress: NamespaceProgress
    public var publication: Publication
    /// The namespace is shared with another project-domain that wants other objects in it. The text is the whole
    /// message.
    public var sharing: String?
    /// Whether flyteadmin has archived the project.
    public var isArchived = false

    public init(
        object: ExecutionClusterLabel, duplicateOf: String?, label: ResolvedLabel?, namespace: NamespaceAnswer?,
        progress: NamespaceProgress, publication: Publication, sharing: String? = nil
    ) {
        self.sharing = sharing
        self.object = object
        self.duplicateOf = duplicateOf
        self.label = label
        self.namespace = namespace
        self.progress = progress
        self.publication = publication
    }

    public var findings: [ConditionFinding] {
        let spec = object.spec
        if let problem = spec.problems().first {
            return ConditionFinding.invalid(ConditionType.ofAssignment(spec), problem)
        }
        let resolved = labelFinding(spec.value)
        let synced = namespace.map(namespaceFinding)
        let published = publication.finding.noting(archived: isArchived ? spec.project : nil)
        let all = [resolved, synced, published].compactMap { $0 }
        var counted = all
        if publication == .notConfigured || published.reason == Reason.observing { counted.removeLast() }
        let ready: ConditionFinding =
            duplicateOf.map {
                .no(
                    .ready, Reason.duplicateAssignment, "ExecutionClusterLabel \($0) is older and sets the same already"
                )
            }
            ?? .ready(counted, "executions get the label \(spec.value)").noting(
                archived: isArchived ? spec.project : nil)
        return all + [ready]
    }

    private func namespaceFinding(_ answer: NamespaceAnswer) -> ConditionFinding {
        switch answer {
        case .invalid(let message): .no(.namespaceSynced, Reason.invalidName, message)
        case .unknownDomain(let message): .no(.namespaceSynced, Reason.unknownDomain, message)
        case .name(let name):
            sharing.map { .no(.namespaceSynced, Reason.syncFailed, $0) } ?? progress.finding("namespace \(name)")
        }
    }

    private func labelFinding(_ value: String) -> ConditionFinding {
        guard let label else {
            return .no(.labelResolved, Reason.labelNotFound, "no ExecutionLabel has the label \(value)")
        }
        switch label.ready.status {
        case .isTrue: return .yes(.labelResolved, Reason.resolved, "label \(value): \(label.ready.message)")
        case .unknown: return .unknown(.labelResolved, label.ready.reason, "label \(value): \(label.ready.message)")
        case .isFalse:
            let detail = "label \(value): \(label.ready.reason): \(label.ready.message)"
            return .no(.labelResolved, Reason.labelNotReady, detail)
        }
    }

    public func status(now: Instant) -> ExecutionClusterLabelStatus {
        var status = ExecutionClusterLabelStatus(findings, of: object, now: now)
        guard let namespace else { return status }
        status.namespace = namespace.name
        status.dataPlanes = progress.counts
        status.summary = SyncSummary(synced: progress.counts.summary)
        return status
    }
}

extension ConditionType {
    /// The conditions that every ExecutionClusterLabel with this spec has.
    public static func ofAssignment(_ spec: ExecutionClusterLabelSpec?) -> [ConditionType] {
        let types: [ConditionType] = [.labelResolved, .namespaceSynced, .published, .ready]
        return spec.map { $0.domain == nil } == true ? types.filter { $0 != .namespaceSynced } : types
    }
}

public enum AssignmentRules {
    /// The name of the older object, for each object that sets the same row.
    public static func duplicates(_ assignments: [ExecutionClusterLabel]) -> [String: String] {
        Seniority.duplicates(assignments) { AdminRowKey($0.spec) }
    }

    /// The label in force for each name, out of `LabelResolution.all`. If all objects with that name have problems, it is
    /// the first one, so that the assignment says `LabelNotReady` and not `LabelNotFound`.
    public static func byLabel(_ resolvedLabels: [String: ResolvedLabel]) -> [String: ResolvedLabel] {
        var found: [String: ResolvedLabel] = [:]
        for (_, resolved) in resolvedLabels.sorted(by: { $0.key < $1.key })
        where found[resolved.label]?.isInForce != true {
            if resolved.isInForce || found[resolved.label] == nil { found[resolved.label] = resolved }
        }
        return found
    }
}

extension ConditionFinding {
    /// Adds that flyteadmin has archived the project and starts nothing there, although everything wanted exists. A
    /// refused change needs no note, since flyteadmin's own words say it.
    func noting(archived project: String?) -> ConditionFinding {
        guard let project, status == .isTrue else { return self }
        return ConditionFinding(
            type, status, reason, message + "; flyteadmin has archived project \(project): it starts nothing there")
    }

    /// All conditions of an object whose spec can't be used: Ready says why, and the others can't be known.
    public static func invalid(_ types: [ConditionType], _ problem: SpecProblem) -> [ConditionFinding] {
        types.map {
            $0 == .ready
                ? .no(.ready, Reason.invalid, problem.description) : .unknown($0, Reason.invalid, problem.description)
        }
    }
}
