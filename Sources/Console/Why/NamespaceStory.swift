import Fleet
import JSON
import KubeObjects
import Support

/// Why a namespace exists, or does not: which objects want it, where it is in sync and where not, and where its
/// template values come from. The operator's own rules decide this from the objects alone.
public struct NamespaceStory: Report {
    /// Something that wants the namespace.
    struct Want: Sendable, Hashable {
        /// `FlyteProject` or `ExecutionClusterLabel`. `flyteadmin` for a project of flyteadmin's.
        var kind: String
        var name: String
        /// "workflow x, label y".
        var detail: String
        /// Nil for a project of flyteadmin's.
        var state: FleetOverview.State?
    }
    struct Member: Sendable, Hashable {
        var key: ProjectDomain
        var answer: NamespaceAnswer
        var wants: [Want]
        /// The older project-domain that has the namespace.
        var sharesWith: ProjectDomain?
    }
    struct Place: Sendable, Hashable {
        var dataPlane: String
        var cluster: String
        var presence: Presence
    }
    struct ValueRow: Sendable, Hashable {
        var value: OriginatedValue
        /// Nil: in all data planes that the namespace is wanted in.
        var dataPlanes: [String]?
    }

    let now: Instant
    let subject: StorySubject
    private(set) var namespace: String?
    private(set) var members: [Member] = []
    private(set) var places: [Place] = []
    private(set) var values: [ValueRow] = []
    private(set) var notes: [String] = []
    /// Something that could want it can't be read, so "nothing wants it" can't be said.
    private(set) var isIncomplete = false

    var isWanted: Bool { !members.isEmpty }

    public var outcome: Outcome {
        if isWanted { return .done }
        return isIncomplete ? .failed : .findings
    }

    /// The ConfigMaps to read first: flyteadmin's projects, and those that `valuesFrom` names.
    public static func configMapNames(_ objects: ControlPlaneObjects) -> Set<String> {
        let registry = objects.decoded(ClusterRegistry.self).objects.first {
            $0.metadata.name == ClusterRegistry.theName
        }
        var sources = registry?.spec.valuesFrom ?? []
        sources += objects.decoded(FlyteProject.self).objects.flatMap(\.spec.valuesFrom)
        sources += objects.decoded(DataPlane.self).objects.flatMap(\.spec.valuesFrom)
        var names = Set(sources.compactMap { $0.configMapKeyRef?.name })
        if registry?.spec.flyteAdmin?.projectDiscovery == true { names.insert(DiscoveredProjects.configMapName) }
        if registry?.spec.flyteAdmin?.clusterResourceAttributes == .use {
            names.insert(ClusterResourceAttributes.configMapName)
        }
        return names
    }

    public init(of subject: StorySubject, _ objects: ControlPlaneObjects, now: Instant) {
        (self.subject, self.now) = (subject, now)
        let facts = StoryFacts(objects)
        notes = facts.notes
        isIncomplete = facts.isIncomplete
        let keys: [ProjectDomain]
        switch subject {
        case .projectDomain(let key):
            keys = facts.domains.entries[key] == nil ? [] : [key]
            noteMisses(key, facts)
            notes += facts.label(ofProject: key).map { [$0] } ?? []
        case .namespace(let name):
            keys = facts.domains.entries.filter { $0.value.answer.name == name }.map(\.key).sorted()
            namespace = name
            if keys.isEmpty { noteProject(name, facts) }
        }
        members = keys.compactMap { key in
            facts.domains.entries[key].map {
                Member(key: key, answer: $0.answer, wants: facts.wants(key), sharesWith: $0.sharesWith)
            }
        }
        namespace = namespace ?? members.first?.answer.name
        guard let namespace, isWanted, let owner = facts.domains.owners[namespace] else { return }
        findPlaces(namespace, facts)
        findValues(namespace, owner, facts)
        if let note = facts.noteOnAttributes { notes.append(note) }
    }

    /// Somebody may mean the project of that name.
    private mutating func noteProject(_ name: String, _ facts: StoryFacts) {
        let domains = facts.domains.entries.keys.filter { $0.project == name }.map(\.domain).sorted()
        let label = facts.label(ofProject: ProjectDomain(project: name, domain: ""))
        guard let domain = domains.first ?? (label == nil ? nil : facts.spec.domains.first) else { return }
        notes.append("\(name) is a project: ask for one of its domains, as in squadron why \(name)/\(domain)")
    }

    private mutating func noteMisses(_ key: ProjectDomain, _ facts: StoryFacts) {
        if facts.discovered?.archived.contains(key.project) == true {
            notes.append("flyteadmin has archived the project \(key.project): its namespaces are left as they are")
        }
        guard facts.domains.entries[key] == nil, let answer = facts.template?.namespace(of: key) else { return }
        if !facts.spec.domains.contains(key.domain) {
            notes.append("the ClusterRegistry does not have the domain \(key.domain)")
        }
        if let name = answer.name { notes.append("its namespace would be \(name)") }
        if let trouble = answer.trouble { notes.append("it can't have a namespace: \(trouble.message)") }
    }

    private mutating func findPlaces(_ namespace: String, _ facts: StoryFacts) {
        let sharers = facts.domains.entries.filter { $0.value.answer.name == namespace }.keys
        let reached = facts.reach.map { reach in
            sharers.reduce(into: Set<String>()) { $0.formUnion(reach.clusters(of: $1)) }
        }
        let states = members.flatMap(\.wants).compactMap { want in facts.synced[want.kind + "/" + want.name] }
        // flyteadmin's own projects have no object and so no status.
        let isSeen = states.isEmpty || states.contains { !$0.isStale }
        let isInSync = states.contains { !$0.isStale && $0.isTrue }
        for object in facts.dataPlanes {
            let cluster = object.spec("clusterName")?.string ?? object.metadata.name
            var presence = Presence(of: namespace, in: object, isSeen: isSeen, isInSync: isInSync)
            if let reached, !reached.contains(cluster) {
                if case .leftAlone = presence {} else { presence = .notReached }
            }
            places.append(Place(dataPlane: object.metadata.name, cluster: cluster, presence: presence))
        }
    }

    private mutating func findValues(_ namespace: String, _ owner: ProjectDomain, _ facts: StoryFacts) {
        let project = facts.domains.entries[owner]?.project
        var found: [OriginatedValue: [String]] = [:]
        let wanted = facts.planes.filter { plane in
            let presence = places.first { $0.dataPlane == plane.metadata.name }?.presence
            switch presence {
            case .leftAlone?, .notReached?, nil: return false
            case .inSync?, .failing?, .unknown?: return true
            }
        }
        for plane in wanted {
            var values = ValueOrigins.values(
                for: owner, namespace: namespace, registry: facts.spec, attributes: facts.attributes[owner],
                project: project, dataPlane: plane,
                configMaps: facts.configMaps)
            let own = plane.spec.workloadIdentity?.annotation
            if let (key, text) = own ?? facts.spec.workloadIdentity.annotation {
                let layer =
                    own == nil ? "registry workloadIdentity" : "DataPlane \(plane.metadata.name) workloadIdentity"
                values.append(OriginatedValue(name: key, content: .text(text), layer: layer))
            }
            for value in values { found[value, default: []].append(plane.metadata.name) }
        }
        values = found.map { ValueRow(value: $0.key, dataPlanes: $0.value.count == wanted.count ? nil : $0.value) }
            .sorted { ($0.value.name, $0.dataPlanes?.first ?? "") < ($1.value.name, $1.dataPlanes?.first ?? "") }
    }
}

extension NamespaceAnswer {
    /// The reason why the project-domain has no namespace. Nil if it has one.
    var trouble: (reason: String, message: String)? {
        switch self {
        case .name: nil
        case .invalid(let message): (Reason.invalidName, message)
        case .unknownDomain(let message): ("UnknownDomain", message)
        }
    }
}
