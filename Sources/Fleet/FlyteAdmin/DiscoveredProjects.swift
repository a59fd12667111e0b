import JSON

/// flyteadmin's projects: the active ones, which get namespaces, and the archived ones, whose namespaces are left
/// alone.
///
/// The operator keeps them in a ConfigMap. So a restart while flyteadmin can't be asked wants the same namespaces as
/// before, even in a new data plane. They are not in the ClusterRegistry's status, because every watcher would receive
/// them with each change. Namespaces in data planes would not do, since they don't tell why they were wanted.
public struct DiscoveredProjects: Sendable, Hashable {
    /// The sorted domains of each project. flyteadmin has the same domains for all projects.
    public private(set) var domains: [String: [String]] = [:]
    /// No project of `domains` is in it.
    public private(set) var archived: Set<String> = []

    public init() {}

    public init(_ projects: [(id: String, domains: [String])], archived: Set<String> = []) {
        for (project, list) in projects { domains[project, default: []] += list }
        domains = domains.mapValues { Set($0).sorted() }
        self.archived = archived.subtracting(domains.keys)
    }

    public var isEmpty: Bool { domains.isEmpty }

    public var projectDomains: [ProjectDomain] {
        domains.flatMap { project, list in list.map { ProjectDomain(project: project, domain: $0) } }.sorted()
    }

    // MARK: As a text

    public static let configMapName = "squadron-discovered-projects"
    /// The key in the ConfigMap.
    public static let dataKey = "projects.json"
    /// An API server accepts a ConfigMap of 1 MiB, which is enough for tens of thousands of projects.
    public static let sizeLimit = 1_000_000

    /// The text is short and in a stable order, so that equal content gives equal text. Projects with the same domains
    /// are grouped.
    public var text: String {
        func list(_ names: some Sequence<String>) -> JSON { .array(names.map { .string($0) }) }
        let groups = Dictionary(grouping: domains.keys) { domains[$0] ?? [] }
        let json: JSON = [
            "projects": .array(
                groups.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map {
                    ["domains": list($0.key), "names": list($0.value.sorted())]
                }),
            "archived": list(archived.sorted()),
        ]
        return json.serializedString
    }

    /// Nil if we did not write the text.
    public init?(text: String) {
        func names(_ json: JSON?) -> [String]? {
            guard let list = json?.array else { return nil }
            let names = list.compactMap(\.string)
            return names.count == list.count ? names : nil
        }
        guard let json = try? JSON(parsing: text), let groups = json["projects"]?.array,
            let archived = names(json["archived"])
        else { return nil }
        var projects: [(id: String, domains: [String])] = []
        for group in groups {
            guard let domains = names(group["domains"]), let ids = names(group["names"]) else { return nil }
            projects += ids.map { ($0, domains) }
        }
        self.init(projects, archived: Set(archived))
    }
}
