import JSON

extension Tables {
    public struct ProjectState: RawRepresentable, Sendable, Hashable {
        public var rawValue: Int64
        public init(rawValue: Int64) { self.rawValue = rawValue }
        public static let active = ProjectState(rawValue: 0)
        public static let archived = ProjectState(rawValue: 1)
        public static let systemGenerated = ProjectState(rawValue: 2)
        public static let systemArchived = ProjectState(rawValue: 3)

        private static let names = ["ACTIVE", "ARCHIVED", "SYSTEM_GENERATED", "SYSTEM_ARCHIVED"]
        /// As protojson writes it: a number where it has no name.
        var json: JSON {
            Self.names.indices.contains(Int(rawValue)) ? .string(Self.names[Int(rawValue)]) : .int(rawValue)
        }
        init(_ json: JSON?) {
            rawValue = json?.int ?? Int64(Self.names.firstIndex(of: json?.string ?? "") ?? 0)
        }
    }

    public struct Project: Sendable, Hashable {
        /// Empty: the same as its id.
        public var name = ""
        public var description = ""
        /// Nil: it never had any.
        public var labels: [String: String]?
        public var state = ProjectState.active
        /// Goes up with each project that is registered.
        var created = 0

        public init(
            name: String = "", description: String = "", labels: [String: String]? = nil,
            state: ProjectState = .active
        ) {
            self.name = name
            self.description = description
            self.labels = labels
            self.state = state
        }
        public static let active = Project()
        public static let archived = Project(state: .archived)
        public static let systemArchived = Project(state: .systemArchived)
    }

    func message(_ id: String, _ project: Project) -> JSON {
        let labels: JSON? = project.labels.map { ["values": .object($0.mapValues { .string($0) })] }
        return [
            "id": .string(id), "name": .string(project.name.isEmpty ? id : project.name),
            "domains": .array(domains.map { ["id": .string($0), "name": .string($0)] }),
            "description": .string(project.description), "labels": labels ?? .null, "state": project.state.json,
        ]
    }

    mutating func register(_ message: JSON) throws(GRPCFailure) {
        guard !(message["name"]?.string ?? "").isEmpty else { throw .invalidArgument("missing project_name") }
        try Self.validate(message)
        let id = message["id"]?.string ?? ""
        guard projects[id] == nil else {
            throw .alreadyExists(
                "value with matching already exists (duplicate key value violates unique constraint \"projects_pkey\")")
        }
        var project = Project(
            name: message["name"]?.string ?? "", description: message["description"]?.string ?? "",
            labels: Self.labels(message["labels"]), state: ProjectState(message["state"]))
        project.created = next()
        projects[id] = project
    }

    /// Texts that are empty and labels that are not named stay. The state is what the message says, and ACTIVE where it
    /// says nothing.
    mutating func update(_ id: String, _ message: JSON) throws(GRPCFailure) {
        guard var project = projects[id] else { throw .notFound("project [\(id)] not found") }
        var message = message
        message["id"] = .string(id)
        try Self.validate(message)
        if let name = message["name"]?.string, !name.isEmpty { project.name = name }
        if let text = message["description"]?.string, !text.isEmpty { project.description = text }
        if let labels = Self.labels(message["labels"]) { project.labels = labels }
        project.state = ProjectState(message["state"])
        projects[id] = project
    }

    private static func labels(_ json: JSON?) -> [String: String]? {
        json.map { ($0["values"]?.object ?? [:]).compactMapValues(\.string) }
    }

    private static func validate(_ message: JSON) throws(GRPCFailure) {
        let id = message["id"]?.string ?? ""
        if id.isEmpty { throw .invalidArgument("missing project_id") }
        for (_, value) in (labels(message["labels"]) ?? [:]).sorted(by: { $0.key < $1.key }) {
            guard let problem = Names.problem(ofLabelValue: value) else { continue }
            throw .invalidArgument("invalid label value [\(value)]: [\(problem)]")
        }
        if let problem = Names.problem(ofProject: id) {
            throw .invalidArgument("invalid project id [\(id)]: [\(problem)]")
        }
        if (message["name"]?.string ?? "").utf8.count > 64 {
            throw .invalidArgument("project_name cannot exceed 64 characters")
        }
        if (message["description"]?.string ?? "").utf8.count > 300 {
            throw .invalidArgument("project_description cannot exceed 300 characters")
        }
        if message["domains"] != nil {
            throw .invalidArgument(
                "Domains are currently only set system wide. Please retry without domains included in your request.")
        }
    }

    /// Without a filter, archived projects are left out, but SYSTEM_ARCHIVED ones are not.
    func page(
        limit: Int, offset: Int, filter: ListFilter, by key: (Project, String) -> String, isAscending: Bool
    ) -> (projects: [(String, Project)], token: String) {
        let named = projects.filter { id, project in
            if filter.columns.isEmpty { return project.state != .archived }
            return filter.takes { column in
                switch column {
                case "identifier": id
                case "name": project.name
                case "description": project.description
                case "state": String(project.state.rawValue)
                default: ""
                }
            }
        }
        let all = named.sorted { left, right in
            let (one, other) = (key(left.value, left.key), key(right.value, right.key))
            let precedes = one == other ? left.key < right.key : one < other
            return isAscending ? precedes : !precedes
        }
        let rest = all.dropFirst(offset)
        let page = limit == 0 ? rest : rest.prefix(limit)
        return (page.map { ($0.key, $0.value) }, page.count == limit ? String(offset + page.count) : "")
    }
}

/// The names that Kubernetes' own rules refuse, with its words (`k8s.io/apimachinery/pkg/util/validation`).
enum Names {
    static func problem(ofProject id: String) -> String? {
        var problems: [String] = []
        if id.utf8.count > 63 { problems.append("must be no more than 63 characters") }
        if id.contains(".") {
            problems.append("must not contain dots")
        } else if !isMade(of: isLowerAlphanumeric, or: "-", id) {
            problems.append(
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
                    + "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation "
                    + "is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')")
        }
        return problems.isEmpty ? nil : problems.joined(separator: " ")
    }

    static func problem(ofLabelValue value: String) -> String? {
        if value.utf8.count > 63 { return "must be no more than 63 characters" }
        let isAlphanumeric: (UInt8) -> Bool = { isLowerAlphanumeric($0 | 0x20) || isLowerAlphanumeric($0) }
        if value.isEmpty || isMade(of: isAlphanumeric, or: "-_.", value) { return nil }
        return "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
            + "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
            + "validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
    }

    private static func isLowerAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isMade(of isInner: (UInt8) -> Bool, or others: String, _ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, let last = bytes.last, isInner(first), isInner(last) else { return false }
        return bytes.allSatisfy { isInner($0) || others.utf8.contains($0) }
    }
}
