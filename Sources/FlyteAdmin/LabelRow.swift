import JSON

/// A row of one of flyteadmin's kinds of matchable attributes. A part that is empty stands for "all".
public struct LabelRow: Sendable, Hashable {
    public var project: String
    public var domain: String
    public var workflow: String
    /// The REST API can't set it; the table has it.
    public var launchPlan: String
    /// The label. Of other kinds the attributes as JSON, in the proto's names and without what is unset: equal attributes
    /// are the same text.
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
    public var name: String
    public var description: String
    public var labels: [String: String]
    /// `ACTIVE`, `SYSTEM_GENERATED`, …; empty where it was not read.
    public var state: String

    public init(
        id: String, domains: [String] = [], name: String = "", description: String = "", labels: [String: String] = [:],
        state: String = ""
    ) {
        self.id = id
        self.domains = domains
        self.name = name
        self.description = description
        self.labels = labels
        self.state = state
    }

    public var isArchived: Bool { state == "ARCHIVED" || state == "SYSTEM_ARCHIVED" }

    /// In a request: flyteadmin leaves alone what is not there, and sets no domains.
    var json: JSON {
        var json: JSON = ["id": .string(id)]
        if !name.isEmpty { json["name"] = .string(name) }
        if !description.isEmpty { json["description"] = .string(description) }
        if !labels.isEmpty { json["labels"] = ["values": .object(labels.mapValues { .string($0) })] }
        if !state.isEmpty, state != "ACTIVE" { json["state"] = .string(state) }
        return json
    }
}

public struct ProjectList: Sendable, Hashable {
    /// All but the archived ones.
    public var active: [ListedProject] = []
    public var archivedProjects: [ListedProject] = []
    public var archived: Set<String> { Set(archivedProjects.map(\.id)) }
    public init() {}
}
