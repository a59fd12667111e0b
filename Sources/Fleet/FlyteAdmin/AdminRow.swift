/// Where flyteadmin keeps a label: a project-domain, or one of its workflows.
public struct AdminRowKey: Sendable, Hashable, Comparable {
    public var project: String
    public var domain: String
    /// Empty for the row of the project-domain itself.
    public var workflow: String

    public init(project: String, domain: String, workflow: String = "") {
        self.project = project
        self.domain = domain
        self.workflow = workflow
    }
    public init(_ spec: ExecutionClusterLabelSpec) {
        self.init(project: spec.project, domain: spec.domain, workflow: spec.workflow ?? "")
    }

    /// The row that takes this one along when it is deleted: flyteadmin's filter skips what is empty.
    public var projectDomain: AdminRowKey { AdminRowKey(project: project, domain: domain) }
    public var isProjectDomain: Bool { workflow.isEmpty }

    public static func < (left: AdminRowKey, right: AdminRowKey) -> Bool {
        (left.project, left.domain, left.workflow) < (right.project, right.domain, right.workflow)
    }
}

/// A label as flyteadmin keeps it.
public struct AdminRow: Sendable, Hashable, Comparable {
    public var key: AdminRowKey
    public var value: String

    public init(_ key: AdminRowKey, _ value: String) {
        self.key = key
        self.value = value
    }
    public static func < (left: AdminRow, right: AdminRow) -> Bool {
        (left.key, left.value) < (right.key, right.value)
    }
}

/// What a list of flyteadmin's rows says. Rows of a whole project or domain are left out: nothing here touches them.
public struct AdminRows: Sendable, Hashable {
    public var values: [AdminRowKey: String]
    /// Project-domains and workflows with rows for launch plans. No call of the REST API sets those, so they could not
    /// be put back: what would take them along is not deleted.
    public var withLaunchPlans: Set<AdminRowKey>

    public init(_ values: [AdminRowKey: String] = [:], withLaunchPlans: Set<AdminRowKey> = []) {
        self.values = values
        self.withLaunchPlans = withLaunchPlans
    }
}
