import ControlLoop
import Fleet
import KubeObjects

/// Everything that is wanted, computed from one look at the custom resources. A value that is replaced as a whole.
struct FleetPicture: Sendable {
    var dataPlanes: [String: DataPlane]
    var labels: [String: ExecutionLabel]
    var assignments: [String: ExecutionClusterLabel]
    var projects: [String: FlyteProject]
    /// Nil where there is none: the defaults hold.
    var registry: ClusterRegistry?
    var spec: ClusterRegistrySpec
    var projectDomains: ProjectDomains
    var duplicateAssignments: [String: String]
    var duplicateProjects: [String: String]
    var templates: TemplateSet
    var templatesState: RegistryObservation.Templates
    /// What keeps a namespace template from being used.
    var namespaceProblem: SpecProblem?
    /// A number for each wanted namespace that changes with what is its own.
    var fingerprints: [String: UInt64]
    var keys: [String: ProjectDomain]

    init(caches: Caches, operatorNamespace: String) {
        dataPlanes = caches.dataPlanes.valid()
        labels = caches.executionLabels.valid()
        assignments = caches.assignments.valid().filter { $0.value.spec.problems().isEmpty }
        projects = caches.projects.valid().filter { $0.value.spec.problems().isEmpty }
        registry = caches.registries.valid()[ClusterRegistry.theName]
        spec = registry?.spec ?? ClusterRegistrySpec()
        templates = .standard
        templatesState = .valid("the default templates: Namespace and default ServiceAccount")
        var problem: SpecProblem?
        let template = Self.template(spec, operatorNamespace, &problem)
        namespaceProblem = problem
        let assigned = Array(assignments.values)
        duplicateAssignments = AssignmentVerdicts.duplicates(assigned)
        duplicateProjects = ProjectObservation.duplicates(Array(projects.values))
        // Without a usable template nothing is wanted: what is there stays, and the statuses say why.
        if let template {
            projectDomains = ProjectDomains(
                template: template, domains: spec.domains, projects: Array(projects.values), assignments: assigned)
        } else {
            projectDomains = ProjectDomains()
        }
        keys = [:]
        fingerprints = [:]
        for (key, entry) in projectDomains.entries {
            guard let name = entry.answer.name, entry.sharesWith == nil else { continue }
            keys[name] = key
            var hasher = Hasher()  // compared within this process only
            hasher.combine(key)
            hasher.combine(entry.project?.spec)
            fingerprints[name] = UInt64(bitPattern: Int64(hasher.finalize()))
        }
    }

    private static func template(
        _ spec: ClusterRegistrySpec, _ operatorNamespace: String, _ problem: inout SpecProblem?
    ) -> NamespaceTemplate? {
        do throws(SpecProblem) {
            return try NamespaceTemplate(spec.namespaceTemplate, operatorNamespace: operatorNamespace)
        } catch {
            problem = error
            return nil
        }
    }

    /// What one data plane should hold.
    func plan(for dataPlane: DataPlane, registryUID: String?) -> DataPlanePlan {
        let identity = dataPlane.spec.workloadIdentity.flatMap { $0.annotation == nil ? nil : $0 } ?? spec.workloadIdentity
        let renderer = Renderer(templates: templates, identity: identity, controlPlaneUID: registryUID ?? "")
        var hasher = Hasher()
        hasher.combine(identity)
        hasher.combine(dataPlane.spec.values)
        hasher.combine(spec.values)
        hasher.combine(spec.domainValues)
        hasher.combine(registryUID)
        let (keys, domains, spec) = (keys, projectDomains, spec)
        return DataPlanePlan(
            permissions: Permissions.required(by: templates), common: UInt64(bitPattern: Int64(hasher.finalize())),
            namespaces: fingerprints, forcesConflicts: spec.conflictPolicy == .force, registryUID: registryUID
        ) { namespace in
            guard let key = keys[namespace] else { return nil }
            let layers = ValueLayers(
                registry: spec, project: domains.entries[key]?.project?.spec, dataPlane: dataPlane.spec)
            do throws(TemplateFailure) {
                let rendered = try renderer.render(
                    key, namespace: namespace, values: layers.values(for: key, namespace: namespace))
                return .objects(rendered.objects, refused: rendered.refused)
            } catch {
                return .failure(error.reason, object: error.file, message: error.description)
            }
        }
    }
}

extension Store {
    /// The objects that fit their type, by name; none before the first complete list.
    func valid<Object: KubeObject>() -> [String: Object] where Value == Decoded<Object> {
        (snapshot ?? [:]).values.reduce(into: [:]) { result, value in
            if let object = value.object { result[object.metadata.name] = object }
        }
    }
}
