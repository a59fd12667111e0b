import DataPlaneAgent
import Fleet
import KubeObjects

extension PlanInForce {
    /// What one data plane should hold.
    /// - Parameters:
    ///   - kinds: the kinds that it serves, as far as they are known.
    ///   - discovered: the group versions that it was asked for.
    ///   - known: the plan that the agent has. It is the result if it has the same version.
    ///   - cache: the cache of all data planes.
    func plan(
        for dataPlane: DataPlane, kinds: RESTMapper, discovered: Set<String>, known: DataPlanePlan? = nil,
        cache: RenderCache
    ) -> DataPlanePlan {
        let basis = basis(of: dataPlane)
        let spec = basis.settings
        let set = basis.templates
        let unknownKinds = (set?.kinds ?? []).filter { kinds[$0] == nil }
        // Discovery decides whether an object of an unknown kind is possible. A kind for which discovery failed holds
        // back only its own objects.
        let isDiscovered = unknownKinds.allSatisfy {
            discovered.contains($0.apiVersion) || kinds.unanswered[$0.apiVersion] != nil
        }
        let isPending =
            identity == nil || !isDiscovered || spec.import?.gap == .pending || basis.isPending
            || snapshot.replicated.isPending || snapshot.attributes.isPending
            || sharedReadings(dataPlane, spec).contains(.pending) || (set == nil && basis.failure == nil)
        let version = DataPlanePlan.Version(
            plan: revision, generation: dataPlane.metadata.generation, kinds: kinds, isPending: isPending)
        if let known, known.version == version { return known }
        let workloadIdentity = spec.workloadIdentity(of: dataPlane)
        var hasher = Hasher()
        combineCommon(into: &hasher, dataPlane, workloadIdentity, basis)
        hasher.combine(kinds)
        hasher.combine(isDiscovered)
        let common = UInt64(bitPattern: Int64(hasher.finalize()))
        let rendering = NamespaceRendering(
            planner, for: dataPlane, basis, identity: identity, kinds: kinds, isDiscovered: isDiscovered)
        let pruning = Pruning(spec, annotations: registry?.metadata.annotations)
        let plan = plan
        let namespaces = namespaces(of: dataPlane)
        // Rights follow what is really copied: a Secret that is refused needs none.
        let copies = !snapshot.replicated.contents.isEmpty && !namespaces.isEmpty
        var wanted = DataPlanePlan(
            version: version,
            types: basis.types(kinds, pruning, copies: copies), unknownKinds: unknownKinds,
            permissions: Permissions.required(
                by: set ?? .standard, kinds: kinds, deletes: pruning != nil, copies: copies),
            common: common, namespaces: namespaces,
            forcesConflicts: spec.conflictPolicy == .force, pruning: pruning,
            mayPrune: !templates.isBroken && (spec.replicateSecrets.isEmpty || snapshot.replicated.isComplete),
            identity: identity,
            namespaceOf: { plan.entries[$0]?.answer.name }
        ) { namespace in
            guard let entry = plan.namespaces[namespace] else { return nil }
            // The reason for a missing content changes more often than the content, so it is not cached.
            if basis.failure != nil { return rendering.content(of: namespace) }
            return cache.content(.init(common: common, own: entry.fingerprint, namespace: namespace)) {
                rendering.content(of: namespace) ?? .pending
            }
        }
        wanted.copies = Set(snapshot.replicated.contents.map { DesiredObject.description(ofCopy: $0.name) })
        wanted.secrets = secrets
        wanted.changedAt = changedAt
        // With `Labelled` a DataPlane's own name decides as well, which is not looked at here.
        if let touched, revision > 0, spec.syncScope == .all {
            wanted.touched = .init(since: revision - 1, namespaces: touched)
        }
        wanted.stage = basis.stage
        wanted.adoption = spec.adoptionPolicy
        wanted.isObserving = mode(of: dataPlane) == .observe
        if wanted.isObserving { wanted.permissions = wanted.permissions.filter(\.isRead) }
        return wanted
    }

    /// Whether a project-domain gets that ServiceAccount. Nil if that can't be told. Data planes differ only in values,
    /// so the answer for one of them holds for all.
    func has(serviceAccount name: String, _ key: ProjectDomain, in namespace: String) -> Bool? {
        if name == "default" { return true }
        let planes = dataPlanes.values.filter(\.spec.enabled)
        guard let dataPlane = planes.min(by: { $0.metadata.name < $1.metadata.name }) else { return nil }
        let basis = basis(of: dataPlane)
        var kinds = RESTMapper.wellKnown
        for kind in basis.templates?.kinds ?? [] where kinds[kind] == nil { kinds.add(ResourceType(standingFor: kind)) }
        let rendering = NamespaceRendering(planner, for: dataPlane, basis, identity: identity, kinds: kinds)
        guard case .objects(let objects, let refused) = rendering.content(of: key, in: namespace) else { return nil }
        if objects.contains(where: { $0.type == ServiceAccount.resourceType && $0.name == name }) { return true }
        return refused.isEmpty ? false : nil
    }

    private func basis(of dataPlane: DataPlane) -> DataPlaneBasis {
        let live = DataPlaneBasis(
            settings: spec, templates: templates.compiled, fingerprint: templates.fingerprint,
            failure: templates.failure)
        return stages.basis(of: dataPlane, live: live)
    }

    /// The wanted namespaces. With `syncScope: Labelled`, only those whose executions can reach the data plane.
    private func namespaces(of dataPlane: DataPlane) -> [String: UInt64] {
        guard spec.syncScope == .labelled else { return fingerprints }
        return fingerprints.filter { plan.isWanted($0.key, in: dataPlane, spec) }
    }

    /// The content of the sources that all namespaces of a data plane depend on. A project's own sources belong to its
    /// namespaces, and are in their fingerprints.
    private func sharedReadings(_ dataPlane: DataPlane, _ spec: ClusterRegistrySpec) -> [ValueReading?] {
        (dataPlane.spec.valuesFrom + spec.valuesFrom).map { snapshot.readings[$0] }
    }

    /// Combines what is the same for all namespaces of a data plane. Compare the hash only within this process.
    private func combineCommon(
        into hasher: inout Hasher, _ dataPlane: DataPlane, _ workloadIdentity: WorkloadIdentity, _ basis: DataPlaneBasis
    ) {
        let spec = basis.settings
        hasher.combine(workloadIdentity)
        hasher.combine(dataPlane.spec.values)
        hasher.combine(spec.values)
        // The content of a source is not enough: another value may have that source by now.
        hasher.combine(spec.valuesFrom)
        hasher.combine(dataPlane.spec.valuesFrom)
        hasher.combine(spec.domainValues)
        hasher.combine(spec.import)
        hasher.combine(sharedReadings(dataPlane, spec))
        hasher.combine(identity)
        hasher.combine(spec.allowClusterScoped)
        hasher.combine(basis.fingerprint)
        hasher.combine(basis.isPending)
        hasher.combine(snapshot.attributes.isPending)
        hasher.combine(snapshot.replicated.contents)
        hasher.combine(spec.lockedValues)
    }
}
