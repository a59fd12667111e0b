import JSON

/// flyteadmin's projects: the ones that namespaces are wanted for, and the archived ones, whose namespaces are left as
/// they are.
///
/// Remembered in a ConfigMap of the operator's: a restart while flyteadmin can't be asked wants the same namespaces as
/// before, also in a data plane that is new. Not in the ClusterRegistry's status, which everybody who watches it gets
/// with each change; not from the namespaces in data planes, which don't tell who wanted them.
public struct DiscoveredProjects: Sendable, Hashable {
    /// By project; sorted. flyteadmin has the same domains for all of them.
    public private(set) var domains: [String: [String]] = [:]
    /// None of `domains`.
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
    /// Key of the ConfigMap.
    public static let dataKey = "projects.json"
    /// An API server takes a ConfigMap of 1 MiB: tens of thousands of projects.
    public static let sizeLimit = 1_000_000

    /// Short, and in a stable order: the same content is the same text. Projects with the same domains are together.
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

    /// Nil where the text isn't one of ours.
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
