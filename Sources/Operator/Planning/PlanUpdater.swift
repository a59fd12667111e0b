import ControlLoop
import Fleet
import KubeObjects
import Support

/// Keeps the plan in step with the informers. It notes which inputs changed, and the next update reads only those.
///
/// `changed` may be called from anywhere, and `update` by one caller at a time.
final class PlanUpdater: Sendable {
    /// An input of the plan, by the name that the watches use.
    enum Input: Sendable, Hashable {
        case dataPlane(String)
        case executionLabel(String)
        case assignment(String)
        case project(String)
        case registry(String)
        case secret(String)
        case configMap(String)
        /// flyteadmin's projects and its CLUSTER_RESOURCE attributes.
        case discovered
        /// The Secrets that are copied.
        case replicated
        /// The UID of the operator's own Namespace.
        case namespaceUID
    }

    /// The result of one update.
    struct Update: Sendable {
        var diff: PlanDiff
        /// The Secrets and ConfigMaps that the objects name. Nil if they have not changed.
        var references: References?
    }

    private struct State: Sendable {
        var planner = FleetPlanner()
        var registry: ClusterRegistry?
        var templates = TemplatesInForce.unknown
        var imported = ImportInForce.none
        var problem: SpecProblem?
        var references: References?
        var identity: RegistryIdentity?
        var fingerprints: [String: UInt64] = [:]
        var generations: [String: Int64] = [:]
        /// The UID that `generations` has for each input.
        var uids: [Input: String] = [:]
        var revision: UInt64 = 0
        var stages = StagesInForce.unknown

        /// Whether every status may have to change although the plan stays the same. For example, the state of the
        /// templates changes more often than the templates.
        func isTold(otherwiseThan before: State) -> Bool {
            identity != before.identity || problem != before.problem || templates.state != before.templates.state
                || imported.state != before.imported.state
                || registry?.metadata.annotations != before.registry?.metadata.annotations
                // A broken registry leaves the settings as they were, but its status must say so.
                || registry?.metadata.generation != before.registry?.metadata.generation
                // One that was deleted and made again with the same spec has no status yet.
                || registry?.metadata.uid != before.registry?.metadata.uid
        }
    }

    private let informers: Informers
    private let operatorNamespace: String
    private let pending = Locked<Set<Input>>([])
    /// When the first of these came.
    private let pendingSince = Locked<Duration?>(nil)
    private let state = Locked(State())
    private let latest = Locked<PlanInForce?>(nil)
    private let namespaceUID = Locked<String?>(nil)
    private let staged = Locked(StagesInForce.unknown)

    init(_ informers: Informers, operatorNamespace: String) {
        self.informers = informers
        self.operatorNamespace = operatorNamespace
    }

    /// Sets the UID of the operator's own Namespace.
    func found(namespaceUID uid: String) {
        namespaceUID.withLock { $0 = uid }
        changed(.namespaceUID)
    }

    /// Sets the stage of each data plane. True if that needs another update.
    func stage(_ stages: StagesInForce) -> Bool {
        staged.withLock { before in
            defer { before = stages }
            return before.key != stages.key
        }
    }

    /// Whether changes are staged at the moment.
    var isStaged: Bool { staged.withLock { if case .staged = $0 { true } else { false } } }

    /// Nil before the first update.
    var inForce: PlanInForce? { latest.withLock { $0 } }

    /// The next update reads this input again.
    func changed(_ input: Input) {
        pendingSince.withLock { $0 = $0 ?? Timeline.continuous.now }
        pending.withLock { _ = $0.insert(input) }
    }

    /// Reads what changed since the last update. The first update reads everything.
    ///
    /// - Parameters:
    ///   - discovered: flyteadmin's projects. Nil while they are not known.
    ///   - attributes: flyteadmin's CLUSTER_RESOURCE attributes. Nil while they are not known.
    func update(_ discovered: DiscoveredProjects?, attributes: ClusterResourceAttributes? = nil) -> Update {
        let changedAt = pendingSince.withLock { $0.take() } ?? Timeline.continuous.now
        var inputs = pending.withLock { pending in
            defer { pending = [] }
            return pending
        }
        var state = state.withLock { $0 }
        if state.revision == 0 { inputs.formUnion(informers.planInputs) }
        // The imported values are a part of the settings.
        if let source = state.registry?.spec.importFrom, inputs.contains(.configMap(source.name)) {
            inputs.insert(.registry(ClusterRegistry.theName))
        }
        let before = state
        var diff = state.planner.apply(inputs.flatMap { changes(of: $0, &state) })
        // The objects have been read, so the sources that they name are known.
        let spec = state.planner.snapshot.settings.spec
        state.identity = RegistryIdentity(spec.identity, namespaceUID: namespaceUID.withLock { $0 })
        let isStaged = spec.rollout.type == .progressive
        state.stages = isStaged ? staged.withLock { $0 } : .off
        let references = References(state.planner.snapshot, beside: state.stages.sources)
        let isNewReference = references != state.references
        state.references = references
        let registryChanged = inputs.contains { if case .registry = $0 { true } else { false } }
        if registryChanged || inputs.contains(.configMap(state.planner.snapshot.settings.spec.templatesConfigMap)) {
            readTemplates(&state)
        }
        var second = readings(inputs, isNewReference: isNewReference, state)
        if state.templates.fingerprint != before.templates.fingerprint || state.revision == 0
            || (state.templates.compiled == nil) != (before.templates.compiled == nil)
        {
            second.append(
                .templates(CompiledTemplates(state.templates.compiled, version: state.templates.fingerprint)))
        }
        let namesCredentials = inputs.contains { if case .dataPlane = $0 { true } else { false } }
        let isReplicated = inputs.contains(.replicated) || namesCredentials || isNewReference
        let entries = state.planner.snapshot.settings.spec.replicateSecrets
        if registryChanged || (isReplicated && !entries.isEmpty) {
            let snapshot = state.planner.snapshot
            second.append(
                .replicated(
                    informers.replicated(entries, snapshot.dataPlanes.values, previous: snapshot.replicated)))
        }
        if registryChanged || inputs.contains(.discovered) {
            let counts = state.planner.snapshot.settings.spec.flyteAdmin?.projectDiscovery == true
            second.append(.discovered(counts ? discovered ?? DiscoveredProjects() : nil))
            second.append(.attributes(AttributesInForce(state.planner.snapshot.settings.spec, read: attributes)))
        }
        diff.formUnion(state.planner.apply(second))
        if let changed = state.stages.changes(since: before.stages) {
            diff.dataPlanes.formUnion(changed)
        } else {
            diff.isCommon = true
        }
        if state.revision == 0 || state.isTold(otherwiseThan: before) {
            diff.isCommon = true
        }
        for name in diff.namespaces { state.fingerprints[name] = state.planner.plan.namespaces[name]?.fingerprint }
        state.revision += 1
        let plan = PlanInForce(
            revision: state.revision, planner: state.planner, registry: state.registry, templates: state.templates,
            imported: state.imported,
            problem: state.problem, identity: state.identity, references: references, fingerprints: state.fingerprints,
            touched: diff.isCommon ? nil : diff.namespaces, generations: state.generations, stages: state.stages,
            secrets: SecretValues(state.planner.snapshot.readings), changedAt: changedAt)
        self.state.withLock { [state] in $0 = state }
        latest.withLock { $0 = plan }
        return Update(diff: diff, references: isNewReference ? references : nil)
    }

    // MARK: Reading the informers

    private func changes(of input: Input, _ state: inout State) -> [FleetChange] {
        guard case .executionLabel(let name) = input else { return change(of: input, &state).map { [$0] } ?? [] }
        let decoded = noted(informers.executionLabels[key(name)], input, &state)
        let before = state.planner.snapshot.executionLabels[name]
        // The label's own status reports broken rules. A label that can't be read counts as it was before.
        let object = decoded?.object ?? before.flatMap { $0.metadata.uid == decoded?.metadata.uid ? $0 : nil }
        return [.executionLabel(name, object), .unreadableLabel(name, decoded != nil && object == nil)]
    }

    private func change(of input: Input, _ state: inout State) -> FleetChange? {
        switch input {
        case .dataPlane(let name):
            return .dataPlane(name, noted(informers.dataPlanes[key(name)], input, &state)?.object)
        case .executionLabel: return nil
        case .assignment(let name):
            let decoded = noted(informers.assignments[key(name)], input, &state)
            return .assignment(name, usable(decoded, state.planner.snapshot.assignments[name]))
        case .project(let name):
            let decoded = noted(informers.projects[key(name)], input, &state)
            return .project(name, usable(decoded, state.planner.snapshot.projects[name]))
        case .registry(let name):
            let decoded = noted(informers.registries[key(name)], input, &state)
            return name == ClusterRegistry.theName ? .settings(settings(decoded, &state)) : nil
        case .secret, .configMap, .replicated, .discovered, .namespaceUID: return nil
        }
    }

    private func key(_ name: String) -> ObjectKey { ObjectKey(namespace: operatorNamespace, name: name) }

    private func noted<Object: KubeObject>(
        _ decoded: Decoded<Object>?, _ input: Input, _ state: inout State
    ) -> Decoded<Object>? {
        if let before = state.uids.removeValue(forKey: input) { state.generations[before] = nil }
        if let metadata = decoded?.metadata {
            let uid = metadata.uid ?? metadata.name
            state.uids[input] = uid
            state.generations[uid] = metadata.generation ?? 0
        }
        return decoded
    }

    /// A broken object counts as it was before. It was changed and not deleted, and a typo must not change anything.
    private func usable<Spec: CustomResourceSpec>(
        _ decoded: Decoded<CustomResource<Spec>>?, _ before: CustomResource<Spec>?
    ) -> CustomResource<Spec>? {
        if let object = decoded?.object, object.spec.problems().isEmpty { return object }
        return before.flatMap { $0.metadata.uid == decoded?.metadata.uid ? $0 : nil }
    }

    /// A broken registry changes nothing: the earlier settings stay in force. After a restart there are none. The
    /// defaults could then rename every namespace, so nothing is wanted until the registry is mended.
    private func settings(_ decoded: Decoded<ClusterRegistry>?, _ state: inout State) -> RegistrySettings {
        var spec = ClusterRegistrySpec()
        var problem: SpecProblem?
        switch decoded {
        case nil: break
        case .malformed(_, let failure)?: problem = SpecProblem(failure)
        case .valid(let registry)?:
            spec = registry.spec
            problem = spec.problems().first
        }
        // Without a registry the former mode stays, so that its deletion does not start writes.
        if decoded?.object == nil {
            spec.mode = state.revision > 0 ? state.planner.snapshot.settings.spec.mode : recordedMode
        }
        state.registry = decoded?.object
        if problem != nil, state.revision > 0, state.problem == nil { return state.planner.snapshot.settings }
        state.problem = problem.map {
            SpecProblem("ClusterRegistry \(ClusterRegistry.theName), \($0.path)", $0.message)
        }
        spec = spec.keepingUsableValues(of: state.revision > 0 ? state.planner.snapshot.settings.spec : nil)
        state.imported = ImportInForce(spec.importFrom, previous: state.imported) { informers.configMaps[$0] }
        if let imported = state.imported.values { spec.import = imported.overlaid(by: spec.import) }
        return problem == nil
            ? RegistrySettings(spec, operatorNamespace: operatorNamespace) : RegistrySettings(spec: spec)
    }

    /// The mode that an earlier process wrote into the statuses.
    private var recordedMode: Mode {
        Mode.recorded(in: informers.dataPlanes.valid().values.map { ($0.spec.mode, $0.status?.mode) })
    }

    private func readTemplates(_ state: inout State) {
        let name = state.planner.snapshot.settings.spec.templatesConfigMap
        state.templates =
            name.isEmpty ? .standard : TemplatesInForce(name, informers.configMaps[name], previous: state.templates)
    }

    /// The sources of `valuesFrom` that may have changed: those in a changed Secret or ConfigMap, or all of them if the
    /// objects name other sources than before.
    private func readings(_ inputs: Set<Input>, isNewReference: Bool, _ state: State) -> [FleetChange] {
        let known = state.planner.snapshot.readings
        guard isNewReference || inputs.contains(where: { $0.isSource }) else { return [] }
        let named = state.references?.sources ?? []
        let read = isNewReference ? named : named.filter { inputs.contains($0.input) }
        let gone = isNewReference ? known.keys.filter { !named.contains($0) } : []
        return read.map { .reading($0, informers.read($0)) } + gone.map { .reading($0, nil) }
    }
}

extension PlanUpdater.Input {
    fileprivate var isSource: Bool {
        switch self {
        case .secret, .configMap: true
        default: false
        }
    }
}

extension ValueSource {
    fileprivate var input: PlanUpdater.Input {
        if let secret = secretKeyRef { return .secret(secret.name) }
        return .configMap(configMapKeyRef?.name ?? "")
    }
}

extension PlanDiff {
    mutating func formUnion(_ other: PlanDiff) {
        namespaces.formUnion(other.namespaces)
        projectDomains.formUnion(other.projectDomains)
        dataPlanes.formUnion(other.dataPlanes)
        executionLabels.formUnion(other.executionLabels)
        assignments.formUnion(other.assignments)
        projects.formUnion(other.projects)
        isCommon = isCommon || other.isCommon
    }
}

extension Informers {
    /// Every object behind a plan.
    fileprivate var planInputs: [PlanUpdater.Input] {
        func names<Value>(_ store: Store<Value>) -> [String] { (store.snapshot ?? [:]).keys.map(\.name) }
        var inputs: [PlanUpdater.Input] = [.registry(ClusterRegistry.theName), .discovered]
        inputs += names(dataPlanes).map { .dataPlane($0) }
        inputs += names(executionLabels).map { .executionLabel($0) }
        inputs += names(assignments).map { .assignment($0) }
        inputs += names(projects).map { .project($0) }
        inputs += names(registries).map { .registry($0) }
        return inputs
    }
}
