import JSON

/// flyteadmin's CLUSTER_RESOURCE attributes: template values that its admins gave to projects and project-domains.
///
/// The operator keeps them in a ConfigMap, like flyteadmin's projects. So namespaces keep their content while
/// flyteadmin can't be asked, also after a restart.
public struct ClusterResourceAttributes: Sendable, Hashable {
    /// The row that counts for a project-domain.
    public struct Row: Sendable, Hashable {
        /// The row is the whole project's, because the project-domain has none.
        public var isOfProject: Bool
        public var values: [String: String]
    }
    /// The rows of one project.
    public struct OfProject: Sendable, Hashable {
        fileprivate var project: [String: String]?
        fileprivate var domains: [String: [String: String]] = [:]

        /// As in flyteadmin, only the most specific row counts: further values in the project's row have no effect. Nil
        /// without any row.
        public subscript(domain: String) -> Row? {
            if let values = domains[domain] { return Row(isOfProject: false, values: values) }
            return project.map { Row(isOfProject: true, values: $0) }
        }
    }
    private var projects: [String: OfProject] = [:]

    public init() {}

    /// - Parameter rows: `domain` is empty in the row of a whole project.
    public init(_ rows: some Sequence<(project: String, domain: String, values: [String: String])>) {
        for row in rows { add(row.project, row.domain, row.values) }
    }

    private mutating func add(_ project: String, _ domain: String, _ values: [String: String]) {
        // The system's own names can't be set, and a name that no placeholder can have is never used.
        let values = values.filter { ValueRules.isName($0.key) && !ValueRules.reserved.contains($0.key) }
        if domain.isEmpty {
            projects[project, default: OfProject()].project = values
        } else {
            projects[project, default: OfProject()].domains[domain] = values
        }
    }

    public subscript(project: String) -> OfProject? { projects[project] }
    public subscript(key: ProjectDomain) -> Row? { projects[key.project]?[key.domain] }
    /// The projects with any row.
    public var projectNames: Set<String> { Set(projects.keys) }

    /// The places of the rows, without their values.
    public var keys: Set<ProjectDomain> {
        projects.reduce(into: []) { keys, entry in
            if entry.value.project != nil { keys.insert(ProjectDomain(project: entry.key, domain: "")) }
            for domain in entry.value.domains.keys {
                keys.insert(ProjectDomain(project: entry.key, domain: domain))
            }
        }
    }

    // MARK: As a text

    public static let configMapName = "squadron-cluster-resources"
    /// The key in the ConfigMap.
    public static let dataKey = "attributes.json"
    /// An API server accepts a ConfigMap of 1 MiB, which is enough for thousands of rows.
    public static let sizeLimit = 1_000_000

    /// The text is short and in a stable order, so that equal content gives equal text.
    public var text: String {
        let rows = keys.sorted().map { key -> JSON in
            let own = projects[key.project]
            let values = (key.domain.isEmpty ? own?.project : own?.domains[key.domain]) ?? [:]
            return [.string(key.project), .string(key.domain), .object(values.mapValues { .string($0) })]
        }
        return JSON.object(["rows": .array(rows)]).serializedString
    }

    /// Nil if we did not write the text.
    public init?(text: String) {
        guard let list = (try? JSON(parsing: text))?["rows"]?.array else { return nil }
        for entry in list {
            guard let parts = entry.array, parts.count == 3, let project = parts[0].string,
                let domain = parts[1].string,
                let values = parts[2].object
            else { return nil }
            add(project, domain, values.compactMapValues(\.string))
        }
    }
}

/// What keeps all namespaces pending, whatever the data planes are like.
public struct Awaited: Sendable, Hashable {
    public var text: String
    /// Only a person can bring it about.
    public var needsPerson: Bool

    public init(_ text: String, needsPerson: Bool = false) {
        self.text = text
        self.needsPerson = needsPerson
    }

    /// flyteadmin's CLUSTER_RESOURCE attributes, which no process has read yet. Nothing is written without them: a quota
    /// or a role that they set would be replaced by the registry's without a word.
    ///
    /// - Parameter problem: why they can't be read. Nil if nothing has failed yet.
    public static func attributes(_ problem: AttributesProblem?) -> Awaited {
        let what = "flyteadmin's CLUSTER_RESOURCE attributes"
        guard let problem else { return Awaited("\(what), which have not been read yet (spec.flyteAdmin)") }
        return Awaited(
            "\(what), which have never been read: \(problem.text); to go on without them, set "
                + "spec.flyteAdmin.clusterResourceAttributes: Ignore in the ClusterRegistry",
            needsPerson: problem.needsPerson)
    }
}

/// Why flyteadmin's CLUSTER_RESOURCE attributes can't be read.
public struct AttributesProblem: Sendable, Hashable {
    public var text: String
    public var needsPerson: Bool

    public init(_ text: String, needsPerson: Bool) {
        self.text = text
        self.needsPerson = needsPerson
    }
}

/// flyteadmin's CLUSTER_RESOURCE attributes, as far as they count.
public enum AttributesInForce: Sendable, Hashable {
    /// There is no flyteadmin, or the registry ignores them.
    case none
    /// No process has read them yet. They could have any values, so nothing can be rendered.
    case pending
    case known(ClusterResourceAttributes)

    public init(_ settings: ClusterRegistrySpec, read: ClusterResourceAttributes?) {
        switch settings.flyteAdmin?.clusterResourceAttributes {
        case .use?: self = read.map { .known($0) } ?? .pending
        case .ignore?, nil: self = .none
        }
    }

    public var isPending: Bool { self == .pending }
    public var known: ClusterResourceAttributes? { if case .known(let attributes) = self { attributes } else { nil } }
    public subscript(key: ProjectDomain) -> ClusterResourceAttributes.Row? { known?[key] }
}
