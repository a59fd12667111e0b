import KubeObjects

/// Checks whether project-domains with the same namespace want the same objects in it.
enum SharedNamespaces {
    /// The messages for those that want other objects than the oldest, and for the oldest itself. It renders once for
    /// each combination of identity and values among the enabled data planes.
    static func disagreements(
        _ groups: [String: Set<ProjectDomain>], _ plan: FleetPlan, _ snapshot: FleetSnapshot
    ) -> [ProjectDomain: String] {
        if snapshot.settings.template?.separates == true { return collisions(groups, plan) }
        guard !groups.isEmpty, let set = snapshot.templates.set else { return [:] }
        var found: [ProjectDomain: String] = [:]
        // How a data plane serves a kind does not matter here, since only the content of the objects is compared.
        var kinds = RESTMapper.wellKnown
        for kind in set.kinds where kinds[kind] == nil { kinds.add(ResourceType(standingFor: kind)) }
        var seen: Set<[AnyHashable]> = []
        for dataPlane in snapshot.dataPlanes.values.sorted(by: { $0.metadata.name < $1.metadata.name })
        where dataPlane.spec.enabled {
            let identity = snapshot.identity(of: dataPlane)
            let combination: [AnyHashable] = [identity, dataPlane.spec.values, dataPlane.spec.valuesFrom]
            guard seen.insert(combination).inserted else { continue }
            let renderer = Renderer(
                templates: set, identity: identity, controlPlaneUID: "", kinds: kinds,
                allowsClusterScoped: snapshot.settings.spec.allowClusterScoped)
            func render(_ key: ProjectDomain, _ namespace: String) -> RenderedNamespace? {
                let project = plan.projectsInForce[key.project].flatMap { snapshot.projects[$0]?.spec }
                let values = snapshot.layers(of: key.project, project, in: dataPlane).values(
                    for: key, namespace: namespace)
                return renderer.render(key, namespace: namespace, values: values)
            }
            for (namespace, group) in groups.sorted(by: { $0.key < $1.key }) {
                guard let owner = plan.namespaces[namespace]?.owner, let ours = render(owner, namespace) else {
                    continue
                }
                for key in group.sorted() where key != owner && found[key] == nil {
                    let theirs = render(key, namespace)
                    guard let object = theirs.map({ ours.difference(from: $0) }) ?? "everything" else { continue }
                    let what = "namespace \(namespace) is shared by \(owner) and \(key), which differ in \(object)"
                    found[key] = "\(what): that of \(owner) is applied, since it is older"
                    if found[owner] == nil { found[owner] = found[key] }
                }
            }
        }
        return found
    }
}

extension SharedNamespaces {
    /// If each project-domain should have its own namespace, but two names come out the same (`team` with
    /// `1-production`, and `team-1` with `production`), the older one keeps it and the others get none.
    private static func collisions(
        _ groups: [String: Set<ProjectDomain>], _ plan: FleetPlan
    ) -> [ProjectDomain: String] {
        var found: [ProjectDomain: String] = [:]
        for (namespace, group) in groups {
            guard let owner = plan.namespaces[namespace]?.owner else { continue }
            for key in group where key != owner {
                found[key] =
                    "namespace \(namespace) belongs to \(owner), which is older; the name of \(key) comes out the same, so "
                    + "it has no namespace"
            }
        }
        return found
    }
}

extension ResourceType {
    /// A stand-in, when only the content of an object counts and not how a data plane serves its kind.
    package init(standingFor kind: GroupVersionKind) {
        self.init(
            group: kind.group, version: kind.version, kind: kind.kind, plural: kind.kind.lowercased(),
            isNamespaced: true)
    }
}
