import Fleet
import JSON
import KubeObjects
import Support

/// What was read in the control plane beside our own objects.
struct FleetSources: Sendable {
    var secrets: [String: SecretReading<SecretContent>] = [:]
    /// The Secrets with the label `use: replicate`.
    var labelledSecrets = SecretReading<[String: LabelledSecret]>.unknown
    /// The UID of the operator's Namespace. Nil if the user may not read it.
    var namespaceUID: String?
    /// Oldest first.
    var revisions: [StoredRevision] = []
    /// The templates that are in force now. They replace a broken file of the new templates.
    var templatesBefore: [String: String]?
}

/// What the operator would want of every data plane at the end of a rollout. Pure: it follows from the objects as they
/// would be.
struct WantedFleet: Sendable {
    struct Failure: Error, Sendable, Hashable { var message: String }

    let planner: FleetPlanner
    /// The same planner with other texts in place of the Secrets' values. Nil if no Secret has a part.
    let shadow: FleetPlanner?
    let identity: RegistryIdentity
    let basis: DataPlaneBasis
    let pruning: Pruning?
    /// False while a template is broken: its objects would look surplus.
    let mayPrune: Bool
    let dataPlanes: [DataPlane]
    /// Why a data plane is left alone, by name.
    let leftAlone: [String: String]
    let redaction: Redaction
    private(set) var notes: [String]

    func mode(of dataPlane: DataPlane) -> Mode { dataPlane.spec.mode ?? planner.snapshot.settings.spec.mode }

    init(_ objects: ControlPlaneObjects, _ sources: FleetSources) throws(Failure) {
        let registry = try Self.registry(objects)
        var notes: [String] = []
        var snapshot = FleetSnapshot()
        func take<Spec: CustomResourceSpec>(_ type: CustomResource<Spec>.Type) -> [String: CustomResource<Spec>] {
            let (found, problems) = objects.decoded(type)
            notes += problems.map { "\($0): it counts as it was before, if the operator has known it" }
            return Dictionary(found.map { ($0.metadata.name, $0) }) { $1 }
        }
        func usable<Spec: CustomResourceSpec>(_ type: CustomResource<Spec>.Type) -> [String: CustomResource<Spec>] {
            take(type).filter { name, object in
                guard let problem = object.spec.problems().first else { return true }
                notes.append("\(Spec.resourceType.kind) \(name) can't be used: \(problem)")
                return false
            }
        }
        snapshot.dataPlanes = take(DataPlane.self)
        snapshot.executionLabels = take(ExecutionLabel.self)
        snapshot.assignments = usable(ExecutionClusterLabel.self)
        snapshot.projects = usable(FlyteProject.self)
        let spec = try Self.settings(registry, objects)
        snapshot.settings = RegistrySettings(spec, operatorNamespace: objects.namespace)
        if spec.flyteAdmin?.projectDiscovery == true {
            snapshot.discovered = Self.note(DiscoveredProjects.configMapName, DiscoveredProjects.dataKey, objects)
                .flatMap { DiscoveredProjects(text: $0) }
            if snapshot.discovered == nil { notes.append("flyteadmin's own projects are not known here") }
        }
        let attributes = Self.note(
            ClusterResourceAttributes.configMapName, ClusterResourceAttributes.dataKey, objects)
        snapshot.attributes = AttributesInForce(spec, read: attributes.flatMap { ClusterResourceAttributes(text: $0) })
        if snapshot.attributes.isPending {
            throw Failure(
                message: "flyteadmin's attributes are not known here: no operator has read them yet (ConfigMap "
                    + "\(ClusterResourceAttributes.configMapName))")
        }
        let credentials = snapshot.dataPlanes.values.filter { !$0.spec.inCluster }.map(\.spec.credentials.secretName)
        snapshot.replicated =
            spec.replicateSecrets.isEmpty
            ? .none
            : ReplicatedSecrets(
                spec.replicateSecrets, named: { sources.secrets[$0] ?? .unknown },
                labelled: sources.labelledSecrets, credentials: Set(credentials))
        notes += (snapshot.replicated.refusals + snapshot.replicated.problems).map { "spec.replicateSecrets: \($0)" }
        let templates = try Self.templates(spec, objects, before: sources.templatesBefore)
        for file in templates.broken { notes.append("the templates are broken: \(file.failure)") }
        snapshot.templates = CompiledTemplates(templates, version: templates.fingerprint)
        guard let identity = RegistryIdentity(spec.identity, namespaceUID: sources.namespaceUID) else {
            throw Failure(
                message: "the Namespace \(objects.namespace) can't be read; its UID marks our objects")
        }
        let live = DataPlaneBasis(settings: spec, templates: templates, fingerprint: templates.fingerprint)
        let staged = Self.staged(live, registry, sources.revisions)
        if let note = staged.note { notes.append(note) }

        let named = Self.valueSources(snapshot, staged.basis.settings)
        snapshot.readings = Self.readings(named, objects, sources)
        planner = FleetPlanner(snapshot)
        shadow = Self.shadow(of: snapshot, named).map { FleetPlanner($0) }
        redaction = Redaction(secretsIn: snapshot.readings)
        self.identity = identity
        basis = staged.basis
        pruning = Pruning(spec, annotations: registry?.metadata.annotations)
        mayPrune = templates.broken.isEmpty && (spec.replicateSecrets.isEmpty || snapshot.replicated.isComplete)
        dataPlanes = snapshot.dataPlanes.values.sorted { $0.metadata.name < $1.metadata.name }
        leftAlone = Self.leftAlone(dataPlanes)
        self.notes = notes
    }

    private static func registry(_ objects: ControlPlaneObjects) throws(Failure) -> ClusterRegistry? {
        guard objects.registry != nil else { return nil }
        let (found, problems) = objects.decoded(ClusterRegistry.self)
        guard let registry = found.first(where: { $0.metadata.name == ClusterRegistry.theName }) else {
            throw Failure(message: "the ClusterRegistry can't be used: \(problems.first ?? "it can't be read")")
        }
        if let problem = registry.spec.problems().first {
            throw Failure(message: "the ClusterRegistry can't be used: \(problem)")
        }
        return registry
    }

    /// The registry's settings, with the values that `importFrom` names.
    private static func settings(
        _ registry: ClusterRegistry?, _ objects: ControlPlaneObjects
    ) throws(Failure) -> ClusterRegistrySpec {
        // An unusable registry was refused before.
        var spec = registry?.spec ?? objects.settingsWithoutRegistry
        guard let reference = spec.importFrom else { return spec }
        guard let text = note(reference.name, reference.key, objects) else {
            throw Failure(
                message: "spec.importFrom: ConfigMap \(reference.name), key \(reference.key) can't be read")
        }
        do throws(SpecProblem) {
            spec.import = try FlyteImport(parsing: text).overlaid(by: spec.import)
        } catch {
            throw Failure(message: "spec.importFrom: ConfigMap \(reference.name), \(error)")
        }
        return spec
    }

    private static func templates(
        _ spec: ClusterRegistrySpec, _ objects: ControlPlaneObjects, before: [String: String]?
    ) throws(Failure) -> TemplateSet {
        if spec.templatesConfigMap.isEmpty { return .standard }
        switch objects.configMaps[spec.templatesConfigMap] {
        case .present(let files)?: return TemplateSet(files: files, previous: before.map { TemplateSet(files: $0) })
        case .unreadable(let why)?:
            throw Failure(message: "ConfigMap \(spec.templatesConfigMap) can't be read: \(why)")
        case .absent?, nil: throw Failure(message: "ConfigMap \(spec.templatesConfigMap) does not exist")
        }
    }

    private static func note(_ name: String, _ key: String, _ objects: ControlPlaneObjects) -> String? {
        if case .present(let data)? = objects.configMaps[name] { data[key] } else { nil }
    }

    /// The basis of all data planes at the end of the rollout.
    private static func staged(
        _ live: DataPlaneBasis, _ registry: ClusterRegistry?, _ revisions: [StoredRevision]
    ) -> (basis: DataPlaneBasis, note: String?) {
        guard live.settings.rollout.type == .progressive, let newest = revisions.last else { return (live, nil) }
        let end = "this is its result at the end"
        guard StagedContent(live.settings, live.templates) == newest.content else {
            return (
                live,
                "a change of templates, values or workloadIdentity is staged, group by group; \(end)"
            )
        }
        if let text = registry?.metadata.annotations?[RolloutNames.pinned], text != newest.record?.overruled,
            let number = RolloutNames.revision(pinnedBy: text),
            let pinned = revisions.first(where: { $0.number == number })
        {
            let stage = StagesInForce.Stage(number, pinned.content)
            let place = StagesInForce.staged(
                .init(revisions: [:], fallback: number, observed: number, stages: [number: stage]))
            return (
                place.basis(of: DataPlane(metadata: ObjectMeta(name: ""), spec: DataPlaneSpec()), live: live),
                "all data planes are pinned to revision \(number) of templates and values until the next change"
            )
        }
        if newest.record?.complete == newest.number { return (live, nil) }
        return (live, "revision \(newest.number) of templates and values is being rolled out; \(end)")
    }

    private static func valueSources(_ snapshot: FleetSnapshot, _ settings: ClusterRegistrySpec) -> [ValueSource] {
        var sources = Set(settings.valuesFrom)
        for dataPlane in snapshot.dataPlanes.values { sources.formUnion(dataPlane.spec.valuesFrom) }
        for project in snapshot.projects.values { sources.formUnion(project.spec.valuesFrom) }
        return Array(sources)
    }

    private static func readings(
        _ sources: [ValueSource], _ objects: ControlPlaneObjects, _ read: FleetSources
    ) -> [ValueSource: ValueReading] {
        sources.reduce(into: [:]) { readings, source in
            if let reference = source.secretKeyRef {
                readings[source] = reading(reference, read.secrets[reference.name] ?? .unknown)
            } else if let reference = source.configMapKeyRef {
                let place = "ConfigMap \(reference.name)"
                readings[source] =
                    switch objects.configMaps[reference.name] {
                    case .present(let data)?:
                        ValueReading(data[reference.key].map { .some($0) }, of: place, key: reference.key)
                    case .unreadable(let why)?: .missing("\(place) can't be read: \(why)")
                    case .absent?, nil: .missing("\(place) does not exist")
                    }
            }
        }
    }

    private static func reading(_ reference: KeyReference, _ secret: SecretReading<SecretContent>) -> ValueReading {
        let content: SecretContent? = if case .present(let content) = secret { content } else { nil }
        if let refusal = SecretRules.problem(content, named: reference.name, as: .values) { return .missing(refusal) }
        switch secret {
        case .unknown: return .missing("Secret \(reference.name) was not read")
        case .absent: return .missing("Secret \(reference.name) does not exist")
        case .unreadable(let why): return .missing("Secret \(reference.name) can't be read: \(why)")
        case .present(let content):
            let text = content[reference.key].map { entry in
                entry.withBytes { String(validating: $0, as: UTF8.self) }
            }
            return ValueReading(text, of: "Secret \(reference.name)", key: reference.key)
        }
    }

    private static func shadow(of snapshot: FleetSnapshot, _ sources: [ValueSource]) -> FleetSnapshot? {
        var shadow = snapshot
        var isOther = false
        for source in sources where source.secretKeyRef != nil {
            guard case .text? = snapshot.readings[source] else { continue }
            shadow.readings[source] = .text("what-a-secret-holds")
            isOther = true
        }
        return isOther ? shadow : nil
    }

    private static func leftAlone(_ dataPlanes: [DataPlane]) -> [String: String] {
        var claims = ClusterClaims()
        for object in dataPlanes {
            claims.set(object.metadata.name, .init(object, uid: object.status?.clusterUID))
        }
        return dataPlanes.reduce(into: [:]) { reasons, object in
            let name = object.metadata.name
            reasons[name] =
                object.spec.enabled ? claims.message(of: name) : "spec.enabled is false: it is left alone"
        }
    }
}
