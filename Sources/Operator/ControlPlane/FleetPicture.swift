import ControlLoop
import Fleet
import KubeObjects

/// Everything that is wanted, computed from one look at the custom resources. A value that is replaced as a whole.
struct FleetPicture: Sendable {
    /// Of this process's pictures; a plan of the same one needs no second look.
    let revision: UInt64
    /// Of every object that it was computed from, by UID.
    private let generations: [String: Int64]
    let dataPlanes: [String: DataPlane]
    let labels: [String: ExecutionLabel]
    let assignments: [String: ExecutionClusterLabel]
    let projects: [String: FlyteProject]
    /// Nil where there is none: the defaults hold.
    let registry: ClusterRegistry?
    /// The settings in force: those of the registry, or the last usable ones while it is broken.
    let spec: ClusterRegistrySpec
    let references: References
    let projectDomains: ProjectDomains
    /// Those of flyteadmin's, where its projects count.
    let archivedProjects: Set<String>
    let duplicateAssignments: [String: String]
    let duplicateProjects: [String: String]
    let templates: TemplatesInForce
    /// What keeps any namespace from being wanted: a registry that can't be used, with none before it.
    let problem: SpecProblem?
    /// A number for each wanted namespace that changes with what is its own.
    let fingerprints: [String: UInt64]
    /// The project-domain whose objects a namespace holds.
    let keys: [String: ProjectDomain]
    /// By namespace, the objects whose status tells of it.
    let dependents: [String: [Work]]
    /// With `syncScope: Labelled`, the clusters that each namespace is wanted in; nil: in all of them.
    let reach: [String: Set<String>]?
    /// What each source of `valuesFrom` held.
    let readings: [ValueSource: ValueReading]
    /// Project-domains that share a namespace and don't agree on what is in it: what to say of each.
    private(set) var sharing: [ProjectDomain: String] = [:]

    /// - Parameter discovered: flyteadmin's projects; they count where the settings say so.
    init(caches: Caches, operatorNamespace: String, discovered: DiscoveredProjects? = nil, previous: FleetPicture?) {
        revision = (previous?.revision ?? 0) + 1
        // Before anything else is read: what changes meanwhile is then not known yet.
        generations = caches.generations
        let dataPlanes = caches.dataPlanes.valid()
        let projects = caches.projects.usable(previous?.projects)
        let assignments = caches.assignments.usable(previous?.assignments)
        let labels = caches.executionLabels.valid()
        (self.dataPlanes, self.projects, self.assignments, self.labels) = (dataPlanes, projects, assignments, labels)
        registry = caches.registries.valid()[ClusterRegistry.theName]
        let settings = Settings(caches, operatorNamespace, previous: previous)
        let spec = settings.spec
        (self.spec, problem) = (spec, settings.problem)
        references = References(dataPlanes: dataPlanes.values, projects: projects.values, registry: spec)
        templates =
            spec.templatesConfigMap.isEmpty
            ? .standard
            : TemplatesInForce(
                spec.templatesConfigMap, caches.configMaps[spec.templatesConfigMap],
                previous: previous?.templates ?? .unknown)
        var readings: [ValueSource: ValueReading] = [:]
        let sources =
            [spec.valuesFrom] + projects.values.map(\.spec.valuesFrom) + dataPlanes.values.map(\.spec.valuesFrom)
        for source in sources.joined() where readings[source] == nil { readings[source] = caches.read(source) }
        self.readings = readings
        duplicateAssignments = AssignmentVerdicts.duplicates(Array(assignments.values))
        duplicateProjects = ProjectObservation.duplicates(Array(projects.values))
        let discovered = spec.flyteAdmin?.projectDiscovery == true ? discovered ?? DiscoveredProjects() : nil
        archivedProjects = discovered?.archived ?? []
        // Without a usable template nothing is wanted: what is there stays, and the statuses say why.
        let domains =
            settings.template.map {
                ProjectDomains(
                    template: $0, domains: spec.domains, projects: Array(projects.values),
                    assignments: Array(assignments.values),
                    discovered: Seniority.youngest(discovered?.projectDomains ?? []))
            } ?? ProjectDomains()
        projectDomains = domains
        var (keys, fingerprints, sharers) = ([String: ProjectDomain](), [String: UInt64](), [String: [ProjectDomain]]())
        for (key, entry) in domains.entries {
            guard let name = entry.answer.name else { continue }
            sharers[name, default: []].append(key)
            guard entry.sharesWith == nil else { continue }
            keys[name] = key
            var hasher = Hasher()  // compared within this process only
            hasher.combine(key)
            hasher.combine(entry.project?.spec)
            for source in entry.project?.spec.valuesFrom ?? [] { hasher.combine(readings[source]) }
            fingerprints[name] = UInt64(bitPattern: Int64(hasher.finalize()))
        }
        (self.keys, self.fingerprints) = (keys, fingerprints)
        dependents = Self.dependents(domains, spec, projects, assignments)
        reach = Self.reach(spec, self.dataPlanes, labels, assignments, duplicateAssignments, sharers)
        sharing = disagreements(sharers.filter { $0.value.count > 1 })
    }

    /// Whether it was computed from this object as it is: else there is a newer picture to come, which is to be waited for.
    /// A verdict by an older one would be told of a generation that it isn't about.
    func knows(_ metadata: ObjectMeta) -> Bool {
        generations[metadata.uid ?? metadata.name] == Caches.generation(of: metadata)
    }

    private static func dependents(
        _ domains: ProjectDomains, _ spec: ClusterRegistrySpec, _ projects: [String: FlyteProject],
        _ assignments: [String: ExecutionClusterLabel]
    ) -> [String: [Work]] {
        var dependents: [String: [Work]] = [:]
        func add(_ work: Work, _ key: ProjectDomain) {
            if let namespace = domains.entries[key]?.answer.name { dependents[namespace, default: []].append(work) }
        }
        for (name, object) in assignments { add(.assignment(name), object.spec.projectDomain) }
        for (name, object) in projects {
            for domain in object.effectiveDomains(spec.domains) {
                add(.project(name), ProjectDomain(project: object.spec.project, domain: domain))
            }
        }
        return dependents
    }

    private static func reach(
        _ spec: ClusterRegistrySpec, _ dataPlanes: [String: DataPlane], _ labels: [String: ExecutionLabel],
        _ assignments: [String: ExecutionClusterLabel], _ duplicates: [String: String],
        _ sharers: [String: [ProjectDomain]]
    ) -> [String: Set<String>]? {
        guard spec.syncScope == .labelled else { return nil }
        let reach = Reach(
            // Which labels are in force does not depend on how their clusters are.
            dataPlanes: dataPlanes.values, verdicts: LabelVerdicts.all(Array(labels.values), clusters: [:]),
            assignments: assignments.filter { duplicates[$0.key] == nil }.values,
            defaultLabel: spec.defaultExecutionLabel)
        return sharers.mapValues { keys in keys.reduce(into: []) { $0.formUnion(reach.clusters(of: $1)) } }
    }
}

/// The registry's settings as far as they can be used.
private struct Settings {
    var spec: ClusterRegistrySpec
    var template: NamespaceTemplate?
    var problem: SpecProblem?

    /// A registry that is broken changes nothing: the settings before it stay in force. After a restart there are none;
    /// to fall back on the defaults then could rename every namespace, so nothing is wanted until it is mended.
    init(_ caches: Caches, _ operatorNamespace: String, previous: FleetPicture?) {
        let key = ObjectKey(namespace: operatorNamespace, name: ClusterRegistry.theName)
        var spec = ClusterRegistrySpec()
        var problem: SpecProblem?
        switch caches.registries[key] {
        case nil: break
        case .malformed(_, let failure)?: problem = SpecProblem(failure)
        case .valid(let registry)?:
            spec = registry.spec
            problem = spec.problems().first
        }
        if problem != nil, let previous, previous.problem == nil {
            spec = previous.spec
            problem = nil
        }
        (self.spec, self.problem) = (spec, problem)
        template =
            problem == nil ? try? NamespaceTemplate(spec.namespaceTemplate, operatorNamespace: operatorNamespace) : nil
    }
}

extension Store {
    /// The objects that can be used, by name. One that broke counts as it was before: it was changed, not deleted, and a
    /// typo must not change what is there.
    func usable<Spec: CustomResourceSpec>(
        _ previous: [String: CustomResource<Spec>]?
    ) -> [String: CustomResource<Spec>] where Value == Decoded<CustomResource<Spec>> {
        (snapshot ?? [:]).values.reduce(into: [:]) { result, decoded in
            let name = decoded.metadata.name
            if let object = decoded.object, object.spec.problems().isEmpty {
                result[name] = object
            } else if let before = previous?[name], before.metadata.uid == decoded.metadata.uid {
                result[name] = before
            }
        }
    }

    /// The objects that fit their type, by name; none before the first complete list.
    func valid<Object: KubeObject>() -> [String: Object] where Value == Decoded<Object> {
        (snapshot ?? [:]).values.reduce(into: [:]) { result, value in
            if let object = value.object { result[object.metadata.name] = object }
        }
    }
}
