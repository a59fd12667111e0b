/// Where flyteadmin keeps a label: a whole project, a project-domain, or one of its workflows.
public struct AdminRowKey: Sendable, Hashable, Comparable {
    public var project: String
    /// Empty for the row of a whole project.
    public var domain: String
    /// Empty for the row of a project or project-domain itself.
    public var workflow: String

    public init(project: String, domain: String, workflow: String = "") {
        self.project = project
        self.domain = domain
        self.workflow = workflow
    }
    public init(_ spec: ExecutionClusterLabelSpec) {
        self.init(project: spec.project, domain: spec.domain ?? "", workflow: spec.workflow ?? "")
    }

    public var projectDomain: AdminRowKey { AdminRowKey(project: project, domain: domain) }
    public var wholeProject: AdminRowKey { AdminRowKey(project: project, domain: "") }
    public var isWholeProject: Bool { domain.isEmpty && workflow.isEmpty }

    /// The less specific rows. Each takes this one along when it is deleted: flyteadmin's filter skips what is empty.
    public var above: [AdminRowKey] {
        if workflow.isEmpty { return domain.isEmpty ? [] : [wholeProject] }
        return [projectDomain, wholeProject]
    }
    /// Whether deleting this row deletes that one too.
    public func takesAlong(_ other: AdminRowKey) -> Bool { other.above.contains(self) }
    /// Whether deleting it can delete others.
    public var isWide: Bool { workflow.isEmpty }

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

/// What a list of flyteadmin's rows says. Rows of a domain in all projects are left out: nothing here touches them.
public struct AdminRows: Sendable, Hashable {
    public var values: [AdminRowKey: String]
    /// Projects, project-domains and workflows with rows for launch plans. No call of the REST API sets those, so they
    /// could not be put back: what would take them along is not deleted.
    public var withLaunchPlans: Set<AdminRowKey>

    public init(_ values: [AdminRowKey: String] = [:], withLaunchPlans: Set<AdminRowKey> = []) {
        self.values = values
        self.withLaunchPlans = withLaunchPlans
    }
}
