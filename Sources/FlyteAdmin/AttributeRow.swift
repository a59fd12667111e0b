import JSON

/// A row of one kind of flyteadmin's matchable attributes. An empty part stands for "all".
public struct AttributeRow: Sendable, Hashable {
    public var project: String
    public var domain: String
    public var workflow: String
    /// The REST API can't set it, but the table has it.
    public var launchPlan: String
    /// The label. For other kinds, the attributes as JSON with the proto's names and without unset fields. Equal
    /// attributes give equal text.
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
    /// For example `ACTIVE` or `SYSTEM_GENERATED`. Empty if it was not read.
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

    /// About how much memory its texts take.
    var textBytes: Int {
        let texts = [id, name, description, state] + domains + labels.flatMap { [$0.key, $0.value] }
        return texts.reduce(0) { $0 + $1.utf8.count + 16 }
    }

    /// The content of a request. flyteadmin keeps fields that are missing, and sets no domains.
    var json: JSON {
        var json: JSON = ["id": .string(id)]
        if !name.isEmpty { json["name"] = .string(name) }
        if !description.isEmpty { json["description"] = .string(description) }
        if !labels.isEmpty { json["labels"] = ["values": .object(labels.mapValues { .string($0) })] }
        if !state.isEmpty, state != "ACTIVE" { json["state"] = .string(state) }
        return json
    }
}

/// All projects of one list.
public struct ProjectList: Sendable, Hashable {
    /// All projects that are not archived.
    public var active: [ListedProject] = []
    /// The archived ones that the list has. One may come twice.
    public var archivedProjects: [ListedProject] = []
    /// The ids of `archivedProjects`.
    public var archived: Set<String> { Set(archivedProjects.map(\.id)) }
    public init() {}
}
