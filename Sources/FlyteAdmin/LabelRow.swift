/// A row of flyteadmin's table of execution cluster labels. A part that is empty stands for "all".
public struct LabelRow: Sendable, Hashable {
    public var project: String
    public var domain: String
    public var workflow: String
    /// The REST API can't set it; the table has it.
    public var launchPlan: String
    public var value: String

    public init(project: String, domain: String, workflow: String = "", launchPlan: String = "", value: String) {
        self.project = project
        self.domain = domain
        self.workflow = workflow
        self.launchPlan = launchPlan
        self.value = value
    }
}

/// A project as flyteadmin lists it.
public struct ListedProject: Sendable, Hashable {
    public var id: String
    public var domains: [String]
    public init(id: String, domains: [String]) {
        self.id = id
        self.domains = domains
    }
}

public struct ProjectList: Sendable, Hashable {
    /// All but the archived ones.
    public var active: [ListedProject] = []
    public var archived: Set<String> = []
    public init() {}
}
