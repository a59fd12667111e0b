import KubeObjects

/// The execution label of a project, of one of its domains, or of one workflow.
public typealias ExecutionClusterLabel = CustomResource<ExecutionClusterLabelSpec>

public struct ExecutionClusterLabelSpec: CustomResourceSpec {
    public typealias Status = ExecutionClusterLabelStatus
    public static var resourceType: ResourceType { .executionClusterLabels }

    public var project: String
    /// Nil for the whole project.
    public var domain: String?
    public var workflow: String?
    public var value: String

    public init(project: String, domain: String?, workflow: String? = nil, value: String) {
        self.project = project
        self.domain = domain
        self.workflow = workflow
        self.value = value
    }

    /// The project-domain whose namespace is wanted. Nil for a whole project, which wants none.
    public var projectDomain: ProjectDomain? { domain.map { ProjectDomain(project: project, domain: $0) } }

    /// Reports only missing names. Names that make no valid namespace have their own reason (`InvalidName`).
    public func problems() -> [SpecProblem] {
        var problems: [SpecProblem] = []
        if project.isEmpty { problems.append(SpecProblem("spec.project", "is empty")) }
        if domain?.isEmpty == true { problems.append(SpecProblem("spec.domain", "is empty: leave it out instead")) }
        if workflow?.isEmpty == true { problems.append(SpecProblem("spec.workflow", "is empty: leave it out instead")) }
        if workflow != nil, domain == nil {
            problems.append(SpecProblem("spec.workflow", "needs a domain: flyteadmin has no label for it without one"))
        }
        if let message = NameRules.problem(ofLabel: value) { problems.append(SpecProblem("spec.value", message)) }
        return problems
    }
}

public struct ExecutionClusterLabelStatus: CustomResourceStatus {
    public var observedGeneration: Int64?
    public var conditions: [Condition] = []
    public var namespace: String?
    public var dataPlanes: DataPlaneCounts?
    public var summary: SyncSummary?

    public init() {}
}

public struct DataPlaneCounts: Sendable, Hashable, Codable {
    public var desired: Int
    public var synced: Int
    public init(desired: Int, synced: Int) {
        self.desired = desired
        self.synced = synced
    }
    public var summary: String { "\(synced)/\(desired)" }
}

public struct SyncSummary: Sendable, Hashable, Codable {
    /// "2/2".
    public var synced: String
    public init(synced: String) { self.synced = synced }
}
