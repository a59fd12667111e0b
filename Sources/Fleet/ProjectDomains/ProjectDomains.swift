import KubeObjects

/// Every wanted project-domain with its namespace: the union of FlyteProjects, ExecutionClusterLabels and, if
/// configured, flyteadmin's own projects.
public struct ProjectDomains: Sendable {
    public struct Entry: Sendable, Hashable {
        public var answer: NamespaceAnswer
        /// The oldest object that wants it.
        public var seniority: Seniority
        /// The FlyteProject whose values apply. Nil if none names the project.
        public var project: FlyteProject?
        /// The project-domain that got the namespace before this one. Nil for the owner.
        public var sharesWith: ProjectDomain?
    }

    public private(set) var entries: [ProjectDomain: Entry] = [:]
    /// The owner of each namespace. With the template `{{ domain }}`, as in Flyte's GCP values, several project-domains
    /// want one.
    public private(set) var owners: [String: ProjectDomain] = [:]

    /// Wants nothing.
    public init() {}

    /// - Parameters:
    ///   - domains: the registry's domains. Projects without a list of domains get all of them.
    ///   - discovered: flyteadmin's projects, if they count.
    public init(
        template: NamespaceTemplate, domains: [String], projects: [FlyteProject], assignments: [ExecutionClusterLabel],
        discovered: [(ProjectDomain, Seniority)] = []
    ) {
        let inForce = Self.inForce(projects)
        func want(_ key: ProjectDomain, _ seniority: Seniority) {
            if var entry = entries[key] {
                entry.seniority = min(entry.seniority, seniority)
                entries[key] = entry
            } else {
                entries[key] = Entry(
                    answer: template.namespace(of: key), seniority: seniority, project: inForce[key.project])
            }
        }
        for project in inForce.values {
            for domain in project.effectiveDomains(domains) {
                want(ProjectDomain(project: project.spec.project, domain: domain), Seniority(project.metadata))
            }
        }
        for assignment in assignments
        where assignment.spec.problems().isEmpty {
            guard let key = assignment.spec.projectDomain, domains.contains(key.domain) else { continue }
            want(key, Seniority(assignment.metadata))
        }
        for (key, seniority) in discovered { want(key, seniority) }
        settleOwners()
    }

    /// The FlyteProject that counts for each project: the oldest usable one.
    public static func inForce(_ projects: [FlyteProject]) -> [String: FlyteProject] {
        Seniority.oldest(projects.filter { $0.spec.problems().isEmpty }, by: \.spec.project)
    }

    private mutating func settleOwners() {
        for (key, entry) in entries.sorted(by: { ($0.value.seniority, $0.key) < ($1.value.seniority, $1.key) }) {
            guard let name = entry.answer.name else { continue }
            if let owner = owners[name] {
                entries[key]?.sharesWith = owner
            } else {
                owners[name] = key
            }
        }
    }
}

extension CustomResource<FlyteProjectSpec> {
    /// The domains of the project that the registry has, in their written order and without repetitions.
    public func effectiveDomains(_ registry: [String]) -> [String] {
        let own = spec.domains ?? []
        var seen: Set<String> = []
        return (own.isEmpty ? registry : own.filter { registry.contains($0) }).filter { seen.insert($0).inserted }
    }

    /// The answer about its own domains that the registry does not have. Nil if it has all of them.
    public func unknownDomains(_ registry: [String]) -> NamespaceAnswer? {
        let unknown = (spec.domains ?? []).filter { !registry.contains($0) }
        return unknown.isEmpty ? nil : .unknown(domains: unknown, of: registry)
    }
}
