import JSON
import KubeObjects
import Support

/// The objects that decide a placement, wherever they were read.
public struct FleetObjects: Sendable {
    public private(set) var dataPlanes: [String: DataPlane] = [:]
    public private(set) var labels: [String: ExecutionLabel] = [:]
    public private(set) var assignments: [String: ExecutionClusterLabel] = [:]
    /// Only needed for questions about all project-domains.
    public private(set) var projects: [String: FlyteProject] = [:]
    public private(set) var registry: ClusterRegistry?
    public private(set) var configMaps: [String: ConfigMap] = [:]
    /// The objects that can't be used, with the reasons.
    public private(set) var problems: [String] = []
    /// The objects were read in the control plane, so an object without a status has not been looked at yet.
    public var isLive = false
    /// flyteadmin's answers. Nil if it was not asked.
    public var flyteAdmin: FlyteAdminView?
    public let namespace: String

    /// - Parameter namespace: objects of other namespaces are skipped. An object without a namespace counts as one of
    ///   this.
    public init(namespace: String) { self.namespace = namespace }

    /// Takes an object, or the items of a `List`. It skips kinds that don't affect a placement.
    public mutating func add(_ json: JSON) {
        if let items = json["items"]?.array, json["kind"]?.string?.hasSuffix("List") == true {
            for item in items { add(item) }
            return
        }
        guard let kind = json["kind"]?.string else { return }
        if kind == ConfigMap.resourceType.kind, json["apiVersion"] == "v1" {
            if let map = take(json, as: ConfigMap.self) { configMaps[map.metadata.name] = map }
            return
        }
        guard json["apiVersion"]?.string == ResourceType.dataPlanes.apiVersion else { return }
        switch kind {
        case ResourceType.dataPlanes.kind:
            if let object = take(json, as: DataPlane.self) { dataPlanes[object.metadata.name] = object }
        case ResourceType.executionLabels.kind:
            if let object = take(json, as: ExecutionLabel.self) { labels[object.metadata.name] = object }
        case ResourceType.executionClusterLabels.kind:
            guard let object = take(json, as: ExecutionClusterLabel.self) else { return }
            if let problem = object.spec.problems().first {
                problems.append("ExecutionClusterLabel \(object.metadata.name): \(problem)")
            } else {
                assignments[object.metadata.name] = object
            }
        case ResourceType.flyteProjects.kind:
            if let object = take(json, as: FlyteProject.self) { projects[object.metadata.name] = object }
        case ResourceType.clusterRegistries.kind:
            if let object = take(json, as: ClusterRegistry.self), object.metadata.name == ClusterRegistry.theName {
                registry = object
            }
        default: break
        }
    }

    private mutating func take<Object: KubeResource>(_ json: JSON, as type: Object.Type) -> Object? {
        do throws(DecodingFailure) {
            let object = try Object(json: json)
            return object.metadata.namespace ?? namespace == namespace ? object : nil
        } catch {
            let name = json[path: ["metadata", "name"]]?.string ?? "without a name"
            problems.append("\(Object.resourceType.kind) \(name): \(error)")
            return nil
        }
    }

    /// Where flyteadmin's configuration is published. Nil if it is not.
    public var publishes: KeyReference? { registry?.spec.publish?.clustersConfigMap }

    /// What flyteadmin decides with, and remarks on it.
    public func fleet(now: Instant) -> (fleet: PlacementFleet, notes: [String]) {
        let publishes = publishes
        let planes = dataPlanes.values.map { object in
            // Without `publish`, somebody else maintains flyteadmin's configuration, so its data planes are taken to be
            // usable.
            ClustersPlan.Plane(object, credentials: publishes == nil ? .usable : .init(statusOf: object))
        }
        let published = publishes.flatMap { reference in
            configMaps[reference.name].map { PublishedClusters($0, key: reference.key) }
        }
        let plan = ClustersPlan(
            registry: registry?.spec ?? ClusterRegistrySpec(), planes: planes, labels: Array(labels.values),
            malformed: problems, published: published, named: Set(assignments.values.map(\.spec.value)), now: now)
        // The placement itself reports a label that flyteadmin's library loses.
        let lost = Set(plan.lostLabels.values)
        var notes = plan.problems + plan.notes.filter { !lost.contains($0) }
        var configuration = plan.configuration
        if !plan.problems.isEmpty, let inForce = published?.configuration {
            configuration = inForce
            notes.append("until that is corrected, the published text stays in force")
        }
        if let publishes, let map = configMaps[publishes.name] {
            let beside = BesideOurs(map, key: publishes.key, ours: configuration)
            configuration.labels.merge(beside.entries) { ours, _ in ours }
            notes += beside.message.map { [$0] } ?? []
        }
        let fleet = PlacementFleet(
            configuration: configuration, assignments: assignedLabels, leftOut: plan.leftOut,
            withdrawn: withdrawn(plan), cordoned: cordoned)
        return (fleet, notes)
    }

    /// What flyteadmin decides with as far as it is published: our present key and the keys beside it. Nil if that
    /// can't be told.
    public var publishedFleet: PlacementFleet? {
        guard let reference = publishes, let map = configMaps[reference.name],
            var configuration = PublishedClusters(map, key: reference.key).configuration
        else { return nil }
        let beside = BesideOurs(map, key: reference.key, ours: configuration)
        configuration.labels.merge(beside.entries) { ours, _ in ours }
        return PlacementFleet(configuration: configuration, assignments: assignedLabels)
    }

    /// The object that counts for each row.
    public var assignmentsInForce: [AdminRowKey: ExecutionClusterLabel] {
        Seniority.oldest(assignments.values) { AdminRowKey($0.spec) }
    }

    /// The rows that flyteadmin has or will soon get. Objects come first. A row without an object, or with an object
    /// whose label no ExecutionLabel has, stays as flyteadmin has it.
    private var assignedLabels: [AdminRowKey: String] {
        let declared = assignmentsInForce.mapValues(\.spec.value)
        guard let rows = flyteAdmin?.rows else { return declared }
        let known = Set(labels.values.map(\.label))
        return rows.merging(declared.filter { known.contains($0.value) }) { $1 }
    }

    /// The rows of flyteadmin without an object.
    public var rowsWithoutObject: [AdminRow] {
        let declared = Set(assignments.values.map { AdminRowKey($0.spec) })
        return (flyteAdmin?.rows ?? [:]).filter { !declared.contains($0.key) }.map { AdminRow($0.key, $0.value) }
            .sorted()
    }

    /// All known project-domains: those that objects or flyteadmin's projects want, and those with a row. A row of a whole
    /// project stands for each domain of the project.
    public var projectDomains: Set<ProjectDomain> {
        let spec = registry?.spec ?? ClusterRegistrySpec()
        let template = try? NamespaceTemplate(
            spec.namespaceTemplate, operatorNamespace: namespace, reserved: spec.reservedNamespaces)
        let data = configMaps[DiscoveredProjects.configMapName]?.data[DiscoveredProjects.dataKey]
        let discovered = spec.flyteAdmin?.projectDiscovery == true ? data.flatMap(DiscoveredProjects.init(text:)) : nil
        var known = Set(
            rowsWithoutObject.filter { !$0.key.isWholeProject }.map { row in
                ProjectDomain(project: row.key.project, domain: row.key.domain)
            })
        let whole =
            assignmentsInForce.keys.filter(\.isWholeProject) + rowsWithoutObject.map(\.key).filter(\.isWholeProject)
        for project in Set(whole.map(\.project)) {
            let object = projects.values.first { $0.spec.project == project }
            let domains = object?.effectiveDomains(spec.domains) ?? spec.domains
            known.formUnion(domains.map { ProjectDomain(project: project, domain: $0) })
        }
        guard let template else { return known }
        let wanted = ProjectDomains(
            template: template, domains: spec.domains, projects: Array(projects.values),
            assignments: Array(assignments.values), discovered: Seniority.youngest(discovered?.projectDomains ?? []))
        known.formUnion(wanted.entries.keys)
        return known
    }

    private var cordoned: Set<String> {
        let objects = Seniority.oldest(dataPlanes.values, by: \.clusterName)
        return Set(objects.filter { $0.value.spec.enabled && $0.value.spec.unschedulable }.keys)
    }

    /// For each label, the clusters in it that get no executions at present.
    private func withdrawn(_ plan: ClustersPlan) -> [String: [Placement.Dropped]] {
        let cordoned = cordoned
        var result = plan.withdrawnEntries
        for resolved in LabelResolution.all(Array(labels.values), clusters: [:]).values where resolved.isInForce {
            let names = resolved.clusters.map(\.name).filter(cordoned.contains)
            result[resolved.label, default: []] += names.map {
                .init(cluster: $0, reason: ExecutionLabelStatus.Cluster.State.unschedulable.rawValue)
            }
        }
        return result
    }

    /// The candidates that are not Available. flyteadmin does not look at that.
    public func readinessNotes(_ placement: Placement) -> [String] {
        let clusters = Seniority.oldest(dataPlanes.values, by: \.clusterName)
        return placement.candidates.compactMap { candidate in
            guard let condition = clusters[candidate.cluster]?.status?.availability, condition.status != .isTrue else {
                return nil
            }
            return
                "\(candidate.cluster) is not \(condition.type) (\(condition.reason)): flyteadmin doesn't look at that"
        }
    }
}
