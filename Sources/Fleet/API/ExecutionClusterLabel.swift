import KubeObjects

/// Which label the executions of a project-domain, or of one of its workflows, get.
public typealias ExecutionClusterLabel = CustomResource<ExecutionClusterLabelSpec>

public struct ExecutionClusterLabelSpec: CustomResourceSpec {
    public typealias Status = ExecutionClusterLabelStatus
    public static var resourceType: ResourceType { .executionClusterLabels }

    public var project: String
    public var domain: String
    public var workflow: String?
    public var value: String

    public init(project: String, domain: String, workflow: String? = nil, value: String) {
        self.project = project
        self.domain = domain
        self.workflow = workflow
        self.value = value
    }

    public var projectDomain: ProjectDomain { ProjectDomain(project: project, domain: domain) }

    /// Names that make no namespace have a reason of their own (`InvalidName`): only what is missing is a problem here.
    public func problems() -> [SpecProblem] {
        var problems: [SpecProblem] = []
        for (path, text) in [("spec.project", project), ("spec.domain", domain)] where text.isEmpty {
            problems.append(SpecProblem(path, "is empty"))
        }
        if workflow?.isEmpty == true { problems.append(SpecProblem("spec.workflow", "is empty: leave it out instead")) }
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
