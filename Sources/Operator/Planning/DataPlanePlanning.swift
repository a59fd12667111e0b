import Fleet
import KubeObjects

extension PlanInForce {
    /// What one data plane should hold.
    ///
    /// - Parameters:
    ///   - kinds: what it serves, as far as it is known.
    ///   - discovered: the group versions that it was asked for.
    ///   - cache: of all data planes.
    func plan(
        for dataPlane: DataPlane, kinds: KindTable, discovered: Set<String>, cache: RenderCache
    ) -> DataPlanePlan {
        let basis = basis(of: dataPlane)
        let spec = basis.settings
        let workloadIdentity = spec.workloadIdentity(of: dataPlane)
        let set = basis.templates
        let unknownKinds = (set?.kinds ?? []).filter { kinds[$0] == nil }
        // Until it has said what it serves, an object of another kind is neither possible nor impossible.
        // One that it could not tell of keeps back its own objects only.
        let isDiscovered = unknownKinds.allSatisfy {
            discovered.contains($0.apiVersion) || kinds.unanswered[$0.apiVersion] != nil
        }
        let isPending =
            identity == nil || !isDiscovered || spec.import?.gap == .pending || basis.isPending
            || sharedReadings(dataPlane, spec).contains(.pending) || (set == nil && basis.failure == nil)
        var hasher = Hasher()
        combineCommon(into: &hasher, dataPlane, workloadIdentity, basis)
        hasher.combine(kinds)
        hasher.combine(isDiscovered)
        let common = UInt64(bitPattern: Int64(hasher.finalize()))
        let renderer = set.map {
            Renderer(
                templates: $0, identity: workloadIdentity, controlPlaneUID: identity?.id ?? "", kinds: kinds,
                allowsClusterScoped: spec.allowClusterScoped)
        }
        let isKnown = isDiscovered && identity != nil && !basis.isPending
        let render = rendering(by: isKnown ? renderer : nil, for: dataPlane, spec)
        let pruning = Pruning(spec, annotations: registry?.metadata.annotations)
        let (plan, failure) = (plan, basis.failure)
        var wanted = DataPlanePlan(
            version: .init(
                plan: revision, generation: dataPlane.metadata.generation, kinds: kinds, isPending: isPending),
            types: types(set, kinds, pruning), unknownKinds: unknownKinds,
            permissions: Permissions.required(by: set ?? .standard, kinds: kinds, deletes: pruning != nil),
            common: common, namespaces: namespaces(of: dataPlane),
            forcesConflicts: spec.conflictPolicy == .force, pruning: pruning, mayPrune: !templates.isBroken,
            identity: identity,
            namespaceOf: { plan.entries[$0]?.answer.name }
        ) { namespace in
            guard let entry = plan.namespaces[namespace] else { return nil }
            if let failure { return .failure(failure.reason, object: failure.file, message: failure.message) }
            return cache.content(.init(common: common, own: entry.fingerprint, namespace: namespace)) {
                render(entry.owner, namespace)
            }
        }
        wanted.changedAt = changedAt
        wanted.stage = basis.stage
        wanted.adoption = spec.adoptionPolicy
        wanted.isObserving = mode(of: dataPlane) == .observe
        if wanted.isObserving { wanted.permissions = wanted.permissions.filter(\.isRead) }
        return wanted
    }

    /// The settings and templates that a data plane is brought to: those in force, or a revision of them.
    private struct Basis {
        var settings: ClusterRegistrySpec
        var templates: TemplateSet?
        var fingerprint: Int
        var failure: TemplateFailure?
        /// The number of the revision, where changes are staged.
        var stage: Int64?
        /// It is not known yet which revision the data plane has.
        var isPending = false
    }

    private func basis(of dataPlane: DataPlane) -> Basis {
        var basis = Basis(
            settings: spec, templates: templates.compiled, fingerprint: templates.fingerprint,
            failure: templates.failure)
        switch stages.place(of: dataPlane.metadata.name) {
        case .live: break
        case .pending: basis.isPending = true
        case .stage(let stage):
            basis = Basis(
                settings: stage.content.settings(over: spec), templates: stage.templates,
                fingerprint: stage.fingerprint, stage: stage.number)
        }
        return basis
    }

    /// With `syncScope: Labelled`, those that executions can reach in it.
    private func namespaces(of dataPlane: DataPlane) -> [String: UInt64] {
        guard spec.syncScope == .labelled else { return fingerprints }
        return fingerprints.filter { plan.namespaces[$0.key]?.clusters?.contains(dataPlane.clusterName) ?? true }
    }

    /// What the sources hold that all namespaces of a data plane depend on. A project's own are a matter of its namespaces:
    /// they are in their fingerprints.
    private func sharedReadings(_ dataPlane: DataPlane, _ spec: ClusterRegistrySpec) -> [ValueReading?] {
        (dataPlane.spec.valuesFrom + spec.valuesFrom).map { snapshot.readings[$0] }
    }

    /// What is the same for all namespaces of a data plane; compared within this process only.
    private func combineCommon(
        into hasher: inout Hasher, _ dataPlane: DataPlane, _ workloadIdentity: WorkloadIdentity, _ basis: Basis
    ) {
        let spec = basis.settings
        hasher.combine(workloadIdentity)
        hasher.combine(dataPlane.spec.values)
        hasher.combine(spec.values)
        // Which value a source has is not all: it may be another value's by now.
        hasher.combine(spec.valuesFrom)
        hasher.combine(dataPlane.spec.valuesFrom)
        hasher.combine(spec.domainValues)
        hasher.combine(spec.import)
        hasher.combine(sharedReadings(dataPlane, spec))
        hasher.combine(identity)
        hasher.combine(spec.allowClusterScoped)
        hasher.combine(basis.fingerprint)
        hasher.combine(basis.isPending)
    }

    /// - Parameter renderer: nil while it can't be known what is to be rendered.
    private func rendering(
        by renderer: Renderer?, for dataPlane: DataPlane, _ settings: ClusterRegistrySpec
    ) -> @Sendable (ProjectDomain, String) -> DataPlanePlan.Content {
        let (snapshot, plan) = (snapshot, plan)
        return { key, namespace in
            guard let renderer else { return .pending }
            let project = plan.projectsInForce[key.project].flatMap { snapshot.projects[$0]?.spec }
            let layers = snapshot.layers(project, in: dataPlane, settings)
            if layers.isPending { return .pending }
            if let problem = layers.problem {
                return .failure(.templateInvalid, object: "spec.importFrom", message: problem)
            }
            let rendered = renderer.render(
                key, namespace: namespace, values: layers.values(for: key, namespace: namespace),
                missing: layers.missing(for: key.domain))
            return .objects(rendered.objects, refused: rendered.refused)
        }
    }

    private func types(_ set: TemplateSet?, _ kinds: KindTable, _ pruning: Pruning?) -> [ResourceType] {
        let always = [Namespace.resourceType, ServiceAccount.resourceType]
        let more = Set((set?.kinds ?? []).compactMap { kinds[$0] }).union(pruning == nil ? [] : Pruning.kinds)
            .subtracting(always)
        return always + more.sorted { $0.description < $1.description }
    }
}
