import JSON

/// flyteadmin's tables of projects, matchable resources and executions, and its operations on them. A pure value.
///
/// It follows flyteadmin v1.16.8: `flyteadmin/pkg/repositories/gormimpl`, `pkg/manager/impl` and its `validation`. The
/// texts of its errors are the real ones.
public struct Tables: Sendable, Hashable {
    /// Whether a row is for a project, a project-domain or a workflow.
    public enum Level: Sendable, Hashable { case project, projectDomain, workflow }

    /// The types of rows, which share one table. Their content is kept as it came.
    public enum ResourceType: Int64, Sendable, Hashable, CaseIterable {
        case taskResource = 0
        case clusterResource
        case executionQueue
        case executionClusterLabel
        case qualityOfService
        case pluginOverride
        case workflowExecutionConfig
        case clusterAssignment

        public var name: String {
            switch self {
            case .taskResource: "TASK_RESOURCE"
            case .clusterResource: "CLUSTER_RESOURCE"
            case .executionQueue: "EXECUTION_QUEUE"
            case .executionClusterLabel: "EXECUTION_CLUSTER_LABEL"
            case .qualityOfService: "QUALITY_OF_SERVICE_SPECIFICATION"
            case .pluginOverride: "PLUGIN_OVERRIDE"
            case .workflowExecutionConfig: "WORKFLOW_EXECUTION_CONFIG"
            case .clusterAssignment: "CLUSTER_ASSIGNMENT"
            }
        }
        /// The member of `matching_attributes` that makes a row one of this type. `quality_of_service` makes none.
        var member: String? {
            switch self {
            case .taskResource: "task_resource_attributes"
            case .clusterResource: "cluster_resource_attributes"
            case .executionQueue: "execution_queue_attributes"
            case .executionClusterLabel: "execution_cluster_label"
            case .qualityOfService: nil
            case .pluginOverride: "plugin_overrides"
            case .workflowExecutionConfig: "workflow_execution_config"
            case .clusterAssignment: "cluster_assignment"
            }
        }
    }

    /// An empty part means "all".
    public struct RowID: Sendable, Hashable {
        public var project = ""
        public var domain = ""
        public var workflow = ""
        public var launchPlan = ""
        public var type = ResourceType.executionClusterLabel

        public init(
            project: String = "", domain: String = "", workflow: String = "", launchPlan: String = "",
            type: ResourceType = .executionClusterLabel
        ) {
            self.project = project
            self.domain = domain
            self.workflow = workflow
            self.launchPlan = launchPlan
            self.type = type
        }
        var level: Level { domain.isEmpty ? .project : workflow.isEmpty ? .projectDomain : .workflow }
        /// A more specific row has a higher number, as in the column of that name.
        var priority: Int {
            if !launchPlan.isEmpty { return 1000 }
            if !workflow.isEmpty { return 100 }
            return project.isEmpty || domain.isEmpty ? 1 : 10
        }
        /// Go's `%+v` of the struct.
        var text: String {
            "{Project:\(project) Domain:\(domain) Workflow:\(workflow) LaunchPlan:\(launchPlan) "
                + "ResourceType:\(type.name)}"
        }
    }

    public var domains: [String]
    public var projects: [String: Project] = [:]
    /// By row, its `matching_attributes` in snake case.
    public var rows: [RowID: JSON] = [:]
    /// In the order in which they were launched.
    public var executions: [Execution] = []
    /// What flyteadmin's own configuration has under `clusters`. Empty: it runs everything in its own cluster.
    public var clusters = Clusters()

    /// When each row was written last: a database gives rows that are otherwise equal in that order.
    private var order: [RowID: Int] = [:]
    private var count = 0

    public init(projects: [String], domains: [String] = ["development", "staging", "production"]) {
        self.domains = domains
        for project in projects { self.projects[project] = .active }
    }

    /// The label of exactly that row. Nil if there is none.
    public func label(project: String, domain: String, workflow: String = "") -> String? {
        rows[RowID(project: project, domain: domain, workflow: workflow)]?["execution_cluster_label"]?["value"]?.string
    }

    /// Sets the label as `flytectl update execution-cluster-label` does. Nil removes exactly that row.
    public mutating func setLabel(_ value: String?, project: String, domain: String, workflow: String = "") {
        rows[RowID(project: project, domain: domain, workflow: workflow)] = value.map {
            ["execution_cluster_label": ["value": .string($0)]]
        }
    }

    /// A number that is larger at each call: it orders what was made.
    mutating func next() -> Int {
        count += 1
        return count
    }

    // MARK: What the API does

    func validate(_ id: RowID, isWrite: Bool) throws(GRPCFailure) {
        guard id.domain.isEmpty else { return try validate(project: id.project, domain: id.domain) }
        // A read of a whole project only checks that it exists.
        guard let project = projects[id.project] else {
            let what = "failed to validate that project [\(id.project)] \(isWrite ? "is registered" : "exists")"
            throw .invalidArgument(what + ", err: [project [\(id.project)] not found]")
        }
        if isWrite, project.state != .active { throw .inactive(id.project, hasDetails: false) }
    }

    func validate(project: String, domain: String) throws(GRPCFailure) {
        guard let known = projects[project] else {
            throw .invalidArgument(
                "failed to validate that project [\(project)] and domain [\(domain)] are registered, "
                    + "err: [project [\(project)] not found]")
        }
        guard known.state == .active else { throw .inactive(project) }
        guard domains.contains(domain) else {
            throw .invalidArgument("domain [\(domain)] is unrecognized by system")
        }
    }

    /// The most specific row that applies, which need not be the requested row.
    func get(_ id: RowID) throws(GRPCFailure) -> (RowID, JSON) {
        let candidates = rows.filter { row, _ in
            row.type == id.type && [id.project, ""].contains(row.project) && [id.domain, ""].contains(row.domain)
                && [id.workflow, ""].contains(row.workflow) && row.launchPlan.isEmpty
        }
        guard let best = candidates.max(by: { $0.key.priority < $1.key.priority }) else {
            throw .notFound("Resource [\(id.text)] not found")
        }
        return (best.key, best.value)
    }

    /// Plugin overrides are merged by task type; everything else is replaced.
    mutating func put(_ id: RowID, _ attributes: JSON) throws(GRPCFailure) {
        var attributes = attributes
        if id.type == .pluginOverride {
            if id.level == .project {
                throw .internal(
                    "unexpected error type for: missing and/or invalid parameters: "
                        + "{\(id.project) \(id.domain) \(id.workflow) \(id.launchPlan) \(id.type.name)}")
            }
            attributes = Self.merged(rows[id], attributes)
        }
        rows[id] = attributes
        order[id] = next()
    }

    private static func merged(_ old: JSON?, _ new: JSON) -> JSON {
        let lists = [old, new].map { $0?["plugin_overrides"]?["overrides"]?.array ?? [] }
        var byType: [String: JSON] = [:]
        for override in lists.joined() { byType[override["task_type"]?.string ?? ""] = override }
        // flyteadmin writes them in the order of a Go map, which is random. Here they are sorted.
        let overrides = byType.sorted { $0.key < $1.key }.map(\.value)
        return ["plugin_overrides": ["overrides": .array(overrides)]]
    }

    /// gorm builds the filter from a struct and leaves out empty fields, so the rows below go too. A missing row does
    /// not give an error.
    mutating func delete(_ id: RowID) {
        rows = rows.filter { row, _ in
            row.type != id.type || (!id.project.isEmpty && row.project != id.project)
                || (!id.domain.isEmpty && row.domain != id.domain)
                || (!id.workflow.isEmpty && row.workflow != id.workflow)
                || (!id.launchPlan.isEmpty && row.launchPlan != id.launchPlan)
        }
        order = order.filter { rows[$0.key] != nil }
    }

    func list(_ type: ResourceType) -> [(RowID, JSON)] {
        func names(_ id: RowID) -> [String] { [id.project, id.domain, id.workflow, id.launchPlan] }
        return rows.filter { $0.key.type == type }.sorted { left, right in
            if left.key.priority != right.key.priority { return left.key.priority > right.key.priority }
            let (one, other) = (order[left.key] ?? 0, order[right.key] ?? 0)
            return one == other ? names(left.key).lexicographicallyPrecedes(names(right.key)) : one < other
        }.map { ($0.key, $0.value) }
    }
}
