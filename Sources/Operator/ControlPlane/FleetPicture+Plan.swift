import Fleet
import KubeObjects

extension FleetPicture {
    /// What one data plane should hold.
    ///
    /// - Parameters:
    ///   - kinds: what it serves, as far as it is known.
    ///   - discovered: the group versions that it was asked for.
    ///   - cache: of all data planes.
    func plan(
        for dataPlane: DataPlane, registryUID: String?, kinds: KindTable, discovered: Set<String>, cache: RenderCache
    ) -> DataPlanePlan {
        let identity = identity(of: dataPlane)
        let set = templates.compiled
        let unknownKinds = (set?.kinds ?? []).filter { kinds[$0] == nil }
        // Until it has said what it serves, an object of another kind is neither possible nor impossible.
        let isDiscovered = unknownKinds.allSatisfy { discovered.contains($0.apiVersion) }
        let isPending =
            !isDiscovered || sharedReadings(dataPlane).contains(.pending) || (set == nil && templates.failure == nil)
        let renderer = set.map {
            Renderer(
                templates: $0, identity: identity, controlPlaneUID: registryUID ?? "", kinds: kinds,
                allowsClusterScoped: spec.allowClusterScoped)
        }
        let render = rendering(by: isDiscovered ? renderer : nil, for: dataPlane)
        var hasher = Hasher()
        combineCommon(into: &hasher, dataPlane, identity, registryUID)
        hasher.combine(kinds)
        hasher.combine(isDiscovered)
        let common = UInt64(bitPattern: Int64(hasher.finalize()))
        let pruning = Pruning(spec, annotations: registry?.metadata.annotations)
        let (keys, fingerprints, domains, failure) = (keys, fingerprints, projectDomains, templates.failure)
        let wanted = reach.map { reach in
            fingerprints.filter { reach[$0.key]?.contains(dataPlane.clusterName) ?? false }
        }
        return DataPlanePlan(
            version: .init(
                picture: revision, generation: dataPlane.metadata.generation, kinds: kinds, isPending: isPending),
            types: types(set, kinds, pruning), unknownKinds: unknownKinds,
            permissions: Permissions.required(by: set ?? .standard, kinds: kinds, deletes: pruning != nil),
            common: common, namespaces: wanted ?? fingerprints,
            forcesConflicts: spec.conflictPolicy == .force, pruning: pruning, registryUID: registryUID,
            namespaceOf: { domains.entries[$0]?.answer.name }
        ) { namespace in
            guard let key = keys[namespace], let own = fingerprints[namespace] else { return nil }
            if let failure { return .failure(failure.reason, object: failure.file, message: failure.message) }
            return cache.content(.init(common: common, own: own, namespace: namespace)) { render(key, namespace) }
        }
    }

    /// What the sources hold that all namespaces of a data plane depend on. A project's own are a matter of its namespaces:
    /// they are in their fingerprints.
    private func sharedReadings(_ dataPlane: DataPlane) -> [ValueReading?] {
        (dataPlane.spec.valuesFrom + spec.valuesFrom).map { readings[$0] }
    }

    /// What is the same for all namespaces of a data plane; compared within this process only.
    private func combineCommon(
        into hasher: inout Hasher, _ dataPlane: DataPlane, _ identity: WorkloadIdentity, _ registryUID: String?
    ) {
        hasher.combine(identity)
        hasher.combine(dataPlane.spec.values)
        hasher.combine(spec.values)
        // Which value a source has is not all: it may be another value's by now.
        hasher.combine(spec.valuesFrom)
        hasher.combine(dataPlane.spec.valuesFrom)
        hasher.combine(spec.domainValues)
        hasher.combine(spec.import)
        hasher.combine(sharedReadings(dataPlane))
        hasher.combine(registryUID)
        hasher.combine(spec.allowClusterScoped)
        hasher.combine(templates.fingerprint)
    }

    /// - Parameter renderer: nil while it can't be known what is to be rendered.
    private func rendering(
        by renderer: Renderer?, for dataPlane: DataPlane
    ) -> @Sendable (ProjectDomain, String) -> DataPlanePlan.Content {
        let (domains, layers) = (projectDomains, layers(for: dataPlane))
        return { key, namespace in
            guard let renderer else { return .pending }
            let layers = layers(domains.entries[key]?.project?.spec)
            if layers.isPending { return .pending }
            do throws(TemplateFailure) {
                let rendered = try renderer.render(
                    key, namespace: namespace, values: layers.values(for: key, namespace: namespace))
                return .objects(rendered.objects, refused: rendered.refused)
            } catch {
                let detail = layers.missingSources.map { " (\($0))" } ?? ""
                return .failure(error.reason, object: error.file, message: error.description + detail)
            }
        }
    }

    private func identity(of dataPlane: DataPlane) -> WorkloadIdentity {
        dataPlane.spec.workloadIdentity.flatMap { $0.annotation == nil ? nil : $0 } ?? spec.workloadIdentity
    }

    private func layers(for dataPlane: DataPlane) -> @Sendable (FlyteProjectSpec?) -> ValueLayers {
        { [spec, readings] project in
            ValueLayers(registry: spec, project: project, dataPlane: dataPlane.spec) {
                readings[$0] ?? .missing("not read")
            }
        }
    }

    private func types(_ set: TemplateSet?, _ kinds: KindTable, _ pruning: Pruning?) -> [ResourceType] {
        let always = [Namespace.resourceType, ServiceAccount.resourceType]
        let more = Set((set?.kinds ?? []).compactMap { kinds[$0] }).union(pruning == nil ? [] : Pruning.kinds)
            .subtracting(always)
        return always + more.sorted { $0.description < $1.description }
    }

    /// Of project-domains that share a namespace: those that want something else in it than the oldest, and that one.
    /// Looked at once for each combination of identity and values that data planes have.
    func disagreements(_ groups: [String: [ProjectDomain]]) -> [ProjectDomain: String] {
        guard !groups.isEmpty, let set = templates.compiled else { return [:] }
        var found: [ProjectDomain: String] = [:]
        // Which kinds a data plane serves, and as what, doesn't matter here: what is in the objects is compared.
        var kinds = KindTable.wellKnown
        for kind in set.kinds where kinds[kind] == nil { kinds.add(ResourceType(standingFor: kind)) }
        var seen: Set<[AnyHashable]> = []
        for dataPlane in dataPlanes.values.sorted(by: { $0.metadata.name < $1.metadata.name })
        where dataPlane.spec.enabled {
            let identity = identity(of: dataPlane)
            let combination: [AnyHashable] = [identity, dataPlane.spec.values, dataPlane.spec.valuesFrom]
            guard seen.insert(combination).inserted else { continue }
            let renderer = Renderer(
                templates: set, identity: identity, controlPlaneUID: "", kinds: kinds,
                allowsClusterScoped: spec.allowClusterScoped)
            let layers = layers(for: dataPlane)
            func render(_ key: ProjectDomain, _ namespace: String) -> RenderedNamespace? {
                let layers = layers(projectDomains.entries[key]?.project?.spec)
                return try? renderer.render(
                    key, namespace: namespace, values: layers.values(for: key, namespace: namespace))
            }
            for (namespace, group) in groups {
                guard let owner = keys[namespace], let ours = render(owner, namespace) else { continue }
                for key in group.sorted() where key != owner && found[key] == nil {
                    guard let object = render(key, namespace).map({ ours.difference(from: $0) }) ?? "everything" else {
                        continue
                    }
                    let what = "namespace \(namespace) is shared by \(owner) and \(key), which differ in \(object)"
                    found[key] = "\(what): that of \(owner) is applied, since it is older"
                    if found[owner] == nil { found[owner] = found[key] }
                }
            }
        }
        return found
    }
}

extension ResourceType {
    fileprivate init(standingFor kind: GroupVersionKind) {
        let parts = kind.apiVersion.split(separator: "/")
        self.init(
            group: parts.count == 2 ? String(parts[0]) : "", version: String(parts.last ?? ""), kind: kind.kind,
            plural: kind.kind.lowercased(), isNamespaced: true)
    }
}
