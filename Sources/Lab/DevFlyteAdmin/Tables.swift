import JSON

/// flyteadmin's tables of projects and matchable resources, and its operations on them. A pure value.
///
/// It follows flyteadmin v1.16.8: `flyteadmin/pkg/repositories/gormimpl/resource_repo.go`, `pkg/manager/impl` and its
/// `validation`. The texts of its errors are the real ones.
public struct Tables: Sendable, Hashable {
    public enum ProjectState: Int64, Sendable, Hashable {
        case active = 0
        case archived = 1
        case systemGenerated = 2
        case systemArchived = 3

        var name: String {
            switch self {
            case .active: "ACTIVE"
            case .archived: "ARCHIVED"
            case .systemGenerated: "SYSTEM_GENERATED"
            case .systemArchived: "SYSTEM_ARCHIVED"
            }
        }
    }

    /// The types that share the table. Their content is kept as it came.
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
        /// The member of `matching_attributes` that makes a row one of this type.
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
    public var projects: [String: ProjectState]
    public var rows: [RowID: JSON] = [:]

    public init(projects: [String], domains: [String] = ["development", "staging", "production"]) {
        self.domains = domains
        self.projects = Dictionary(projects.map { ($0, .active) }, uniquingKeysWith: { first, _ in first })
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

    // MARK: What the API does

    func validate(project: String, domain: String) throws(GRPCFailure) {
        guard let state = projects[project] else {
            throw .invalidArgument(
                "failed to validate that project [\(project)] and domain [\(domain)] are registered, "
                    + "err: [project [\(project)] not found]")
        }
        guard state == .active else { throw .inactive(project) }
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

    /// gorm builds the filter from a struct and leaves out empty fields, so the rows below go too. A missing row does
    /// not give an error.
    mutating func delete(_ id: RowID) {
        rows = rows.filter { row, _ in
            row.type != id.type || (!id.project.isEmpty && row.project != id.project)
                || (!id.domain.isEmpty && row.domain != id.domain)
                || (!id.workflow.isEmpty && row.workflow != id.workflow)
                || (!id.launchPlan.isEmpty && row.launchPlan != id.launchPlan)
        }
    }

    func list(_ type: ResourceType) -> [(RowID, JSON)] {
        func order(_ id: RowID) -> [String] { [id.project, id.domain, id.workflow, id.launchPlan] }
        return rows.filter { $0.key.type == type }.sorted { left, right in
            left.key.priority != right.key.priority
                ? left.key.priority > right.key.priority
                : order(left.key).lexicographicallyPrecedes(order(right.key))
        }.map { ($0.key, $0.value) }
    }

    /// Without a filter, archived projects are left out, but SYSTEM_ARCHIVED ones are not.
    func page(
        limit: Int, offset: Int, filter: ProjectFilter? = nil
    ) -> (projects: [(String, ProjectState)], token: String) {
        let all = projects.filter { filter?.takes($0.value) ?? ($0.value != .archived) }.sorted { $0.key < $1.key }
        let rest = all.dropFirst(offset)
        let page = limit == 0 ? rest : rest.prefix(limit)
        return (page.map { ($0.key, $0.value) }, page.count == limit ? String(offset + page.count) : "")
    }
}

/// An error of gRPC, as its gateway (grpc-gateway 2) writes it.
struct GRPCFailure: Error, Hashable {
    var code: Int64
    var message: String
    var details: [JSON] = []

    static func invalidArgument(_ message: String) -> GRPCFailure { GRPCFailure(code: 3, message: message) }
    static func notFound(_ message: String) -> GRPCFailure { GRPCFailure(code: 5, message: message) }
    static func unauthenticated(_ message: String) -> GRPCFailure { GRPCFailure(code: 16, message: message) }
    static func inactive(_ project: String) -> GRPCFailure {
        GRPCFailure(
            code: 3, message: "project [\(project)] is not active",
            details: [["@type": "type.googleapis.com/flyteidl.admin.InactiveProject", "id": .string(project)]])
    }

    var status: Int {
        switch code {
        case 3: 400
        case 5: 404
        case 12: 501
        case 16: 401
        default: 500
        }
    }
    var json: JSON { ["code": .int(code), "message": .string(message), "details": .array(details)] }
}
