/// The place of a label in flyteadmin: a whole project, a project-domain, or one of its workflows.
public struct AdminRowKey: Sendable, Hashable, Comparable {
    public var project: String
    /// Empty for the row of a whole project.
    public var domain: String
    /// Empty for the row of a project or project-domain.
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

    /// The less specific rows. The delete of any of them also deletes this row, because flyteadmin's filter ignores
    /// empty fields.
    public var above: [AdminRowKey] {
        if workflow.isEmpty { return domain.isEmpty ? [] : [wholeProject] }
        return [projectDomain, wholeProject]
    }
    /// Whether the delete of this row deletes that one too.
    public func takesAlong(_ other: AdminRowKey) -> Bool { other.above.contains(self) }
    /// Whether its delete can delete other rows.
    public var isWide: Bool { workflow.isEmpty }

    public static func < (left: AdminRowKey, right: AdminRowKey) -> Bool {
        (left.project, left.domain, left.workflow) < (right.project, right.domain, right.workflow)
    }
}

/// A label as flyteadmin stores it.
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

/// The content of a list of flyteadmin's rows. Rows of a domain in all projects are left out, since nothing here
/// touches them.
public struct AdminRows: Sendable, Hashable {
    public var values: [AdminRowKey: String]
    /// Projects, project-domains and workflows with rows for launch plans. The REST API can't set such rows, so they
    /// could not be put back. A row whose delete would also delete them is not deleted.
    public var withLaunchPlans: Set<AdminRowKey>

    public init(_ values: [AdminRowKey: String] = [:], withLaunchPlans: Set<AdminRowKey> = []) {
        self.values = values
        self.withLaunchPlans = withLaunchPlans
    }
}
