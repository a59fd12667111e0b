import Fleet
import KubeObjects

/// The objects in the form of the operator's rules, and what makes any of them unusable.
struct StoryFacts {
    /// What an object that wants a namespace says about it.
    struct Synced {
        var isTrue: Bool
        var isStale: Bool
    }
    let spec: ClusterRegistrySpec
    let template: NamespaceTemplate?
    let domains: ProjectDomains
    let discovered: DiscoveredProjects?
    let attributes: AttributesInForce
    /// Why flyteadmin's attributes are not known here, if they matter.
    let noteOnAttributes: String?
    /// Nil: every enabled data plane has every namespace.
    let reach: Reach?
    let dataPlanes: [DynamicObject]
    let planes: [DataPlane]
    let configMaps: [String: ControlPlaneObjects.ConfigMapReading]
    /// By kind and name: `FlyteProject/team1`.
    let synced: [String: Synced]
    private(set) var notes: [String]
    let isIncomplete: Bool
    /// Whether everything that could want a namespace is usable, so that it is known what nothing wants.
    let isComplete: Bool
    private let projects: [FlyteProject]
    private let assignments: [ExecutionClusterLabel]
    private let states: [String: FleetOverview.State]

    init(_ objects: ControlPlaneObjects) {
        let registries = objects.decoded(ClusterRegistry.self)
        let (projects, projectProblems) = objects.decoded(FlyteProject.self)
        let (assignments, assignmentProblems) = objects.decoded(ExecutionClusterLabel.self)
        let (planes, planeProblems) = objects.decoded(DataPlane.self)
        let labels = objects.decoded(ExecutionLabel.self).objects
        var notes = projectProblems + assignmentProblems + planeProblems
        for project in projects {
            if let problem = project.spec.problems().first {
                notes.append("FlyteProject \(project.metadata.name): \(problem)")
            }
        }
        for assignment in assignments {
            if let problem = assignment.spec.problems().first {
                notes.append("ExecutionClusterLabel \(assignment.metadata.name): \(problem)")
            }
        }
        let isUsable = notes.isEmpty
        if !notes.isEmpty { notes.append("what can't be used counts as it was before, if the operator has known it") }

        let registry = registries.objects.first { $0.metadata.name == ClusterRegistry.theName }
        var isIncomplete = false
        let broken = registry?.spec.problems().first?.description ?? (registry == nil ? registries.problems.first : nil)
        if let broken {
            notes.append("the ClusterRegistry can't be used (\(broken)): the operator goes on with the one before")
            isIncomplete = true
        }
        let spec = registry?.spec ?? ClusterRegistrySpec()
        template = try? NamespaceTemplate(
            spec.namespaceTemplate, operatorNamespace: objects.namespace, reserved: spec.reservedNamespaces)

        var discovered: DiscoveredProjects?
        if spec.flyteAdmin?.projectDiscovery == true {
            switch objects.configMaps[DiscoveredProjects.configMapName] {
            case .present(let data)?:
                discovered = data[DiscoveredProjects.dataKey].flatMap { DiscoveredProjects(text: $0) }
                if discovered == nil { notes.append("the ConfigMap of flyteadmin's projects can't be understood") }
            case .absent?: notes.append("flyteadmin's own projects have not been read by an operator yet")
            case .unreadable(let why)?: notes.append("flyteadmin's own projects are not known here: \(why)")
            case nil: notes.append("flyteadmin's own projects were not read")
            }
            isIncomplete = isIncomplete || discovered == nil
        }
        let (attributes, noteOnAttributes) = Self.attributes(spec, objects)
        self.attributes = AttributesInForce(spec, read: attributes)
        self.noteOnAttributes = noteOnAttributes
        domains =
            template.map {
                ProjectDomains(
                    template: $0, domains: spec.domains, projects: projects, assignments: assignments,
                    discovered: Seniority.youngest(discovered?.projectDomains ?? []))
            } ?? ProjectDomains()
        let duplicates = AssignmentRules.duplicates(assignments)
        reach =
            spec.syncScope == .labelled
            ? Reach(
                dataPlanes: planes, resolvedLabels: LabelResolution.all(labels, clusters: [:]),
                assignments: assignments.filter { duplicates[$0.metadata.name] == nil },
                defaultLabel: spec.defaultExecutionLabel) : nil
        (self.spec, self.discovered, self.isIncomplete) = (spec, discovered, isIncomplete)
        isComplete = isUsable && !isIncomplete && template != nil
        (self.projects, self.assignments, self.planes, self.notes) = (projects, assignments, planes, notes)
        dataPlanes = objects[.dataPlanes]
        configMaps = objects.configMaps
        var states: [String: FleetOverview.State] = [:]
        var synced: [String: Synced] = [:]
        for type: ResourceType in [.flyteProjects, .executionClusterLabels] {
            for object in objects[type] {
                let key = "\(type.kind)/\(object.metadata.name)"
                states[key] = FleetOverview.State(object)
                let condition = object.conditions[.namespaceSynced]
                let isStale = (condition?.observedGeneration ?? 0) < (object.metadata.generation ?? 0)
                synced[key] = Synced(isTrue: condition?.status == .isTrue, isStale: condition == nil || isStale)
            }
        }
        (self.states, self.synced) = (states, synced)
    }

    /// What to say about the project's label if the project-domain has none of its own.
    func label(ofProject key: ProjectDomain) -> String? {
        let usable = assignments.filter { $0.spec.problems().isEmpty && $0.spec.workflow == nil }
        guard !usable.contains(where: { $0.spec.projectDomain == key }) else { return nil }
        let ofProject = usable.filter { $0.spec.domain == nil && $0.spec.project == key.project }
        return Seniority.oldest(ofProject, by: \.spec.project)[key.project].map { object in
            "its executions get the label of the whole project, \(object.spec.value) (ExecutionClusterLabel "
                + "\(object.metadata.name)), which wants no namespace itself"
        }
    }

    /// The keys in `synced` of what wants each project-domain.
    var wantsByProjectDomain: [ProjectDomain: [String]] {
        var result: [ProjectDomain: [String]] = [:]
        for project in ProjectDomains.inForce(projects).values {
            for domain in project.effectiveDomains(spec.domains) {
                let key = ProjectDomain(project: project.spec.project, domain: domain)
                result[key, default: []].append("\(FlyteProject.resourceType.kind)/\(project.metadata.name)")
            }
        }
        for assignment in assignments where assignment.spec.problems().isEmpty {
            guard let key = assignment.spec.projectDomain else { continue }
            result[key, default: []].append("\(ExecutionClusterLabel.resourceType.kind)/\(assignment.metadata.name)")
        }
        return result
    }

    /// flyteadmin's attributes as the operator has last read them, or why they are not known here.
    private static func attributes(
        _ spec: ClusterRegistrySpec, _ objects: ControlPlaneObjects
    ) -> (read: ClusterResourceAttributes?, note: String?) {
        guard spec.flyteAdmin?.clusterResourceAttributes == .use else { return (nil, nil) }
        let what = "flyteadmin's CLUSTER_RESOURCE attributes"
        switch objects.configMaps[ClusterResourceAttributes.configMapName] {
        case .present(let data)?:
            let read = data[ClusterResourceAttributes.dataKey].flatMap { ClusterResourceAttributes(text: $0) }
            return (read, read == nil ? "the ConfigMap of \(what) can't be understood" : nil)
        case .absent?:
            return (nil, "\(what) have not been read by an operator yet: all namespaces wait for that")
        case .unreadable(let why)?: return (nil, "\(what) are not known here: \(why)")
        case nil: return (nil, "\(what) were not read")
        }
    }

    /// Everything that wants a project-domain. The one that gives it its values comes first.
    func wants(_ key: ProjectDomain) -> [NamespaceStory.Want] {
        var wants: [NamespaceStory.Want] = []
        func want(_ kind: String, _ name: String, _ detail: String) {
            wants.append(.init(kind: kind, name: name, detail: detail, state: states["\(kind)/\(name)"]))
        }
        if let project = ProjectDomains.inForce(projects)[key.project],
            project.effectiveDomains(spec.domains).contains(key.domain)
        {
            want(FlyteProject.resourceType.kind, project.metadata.name, "")
        }
        for assignment in assignments
        where assignment.spec.problems().isEmpty && assignment.spec.projectDomain == key {
            let workflow = assignment.spec.workflow.map { "workflow \($0), " } ?? ""
            let detail = workflow + "label \(assignment.spec.value)"
            want(ExecutionClusterLabel.resourceType.kind, assignment.metadata.name, detail)
        }
        if discovered?.domains[key.project]?.contains(key.domain) == true {
            wants.append(.init(kind: "flyteadmin", name: key.project, detail: "a project of its own", state: nil))
        }
        return wants
    }
}
