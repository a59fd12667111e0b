import KubeObjects

/// Every project-domain that is wanted, and the namespace of each: the union of FlyteProjects, ExecutionClusterLabels
/// and, where configured, flyteadmin's own projects.
public struct ProjectDomains: Sendable {
    public struct Entry: Sendable, Hashable {
        public var answer: NamespaceAnswer
        /// The oldest object that wants it.
        public var seniority: Seniority
        /// The FlyteProject whose values apply; nil where none names the project.
        public var project: FlyteProject?
        /// The project-domain that got the namespace before this one; nil for the one that has it.
        public var sharesWith: ProjectDomain?
    }

    public private(set) var entries: [ProjectDomain: Entry] = [:]
    /// Who has each namespace. With `{{ domain }}` as the template, as Flyte's GCP values have it, several want one.
    public private(set) var owners: [String: ProjectDomain] = [:]

    /// Nothing is wanted.
    public init() {}

    /// - Parameters:
    ///   - domains: the registry's: those of projects that list none, and all that objects may name.
    ///   - discovered: flyteadmin's projects, where they count.
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

    /// By project, the one FlyteProject that counts: the oldest usable one.
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
    /// At most the registry's, in the order written, without repetitions.
    public func effectiveDomains(_ registry: [String]) -> [String] {
        let own = spec.domains ?? []
        var seen: Set<String> = []
        return (own.isEmpty ? registry : own.filter { registry.contains($0) }).filter { seen.insert($0).inserted }
    }

    /// What to say of its own domains that the registry doesn't have; nil where it has all of them.
    public func unknownDomains(_ registry: [String]) -> NamespaceAnswer? {
        let unknown = (spec.domains ?? []).filter { !registry.contains($0) }
        return unknown.isEmpty ? nil : .unknown(domains: unknown, of: registry)
    }
}
