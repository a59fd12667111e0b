import KubeObjects

/// Keeps a plan in step with a snapshot. Pure: it does no I/O, and holds only the two and indexes of them.
///
/// `apply` looks only at what its changes touch. One more assignment costs the same with ten namespaces as with a
/// thousand. A change of the settings touches all namespaces. So does a change of a label or a data plane with
/// `syncScope: Labelled`. Whatever the history, the plan is the one that the snapshot alone gives. `FleetPlannerTests`
/// compares the two after each of 100,000 random changes.
public struct FleetPlanner: Sendable {
    public internal(set) var snapshot = FleetSnapshot()
    public internal(set) var plan = FleetPlan()

    var index = FleetIndex()
    /// With `syncScope: Labelled`, the clusters that each label reaches.
    private var reach: Reach?

    public init() {}

    /// Computes a plan from nothing.
    public init(_ snapshot: FleetSnapshot) {
        var changes: [FleetChange] = [
            .settings(snapshot.settings), .templates(snapshot.templates), .discovered(snapshot.discovered),
            .attributes(snapshot.attributes), .replicated(snapshot.replicated),
        ]
        changes += snapshot.readings.map { .reading($0.key, $0.value) }
        changes += snapshot.dataPlanes.map { .dataPlane($0.key, $0.value) }
        changes += snapshot.executionLabels.map { .executionLabel($0.key, $0.value) }
        changes += snapshot.unreadableLabels.map { .unreadableLabel($0, true) }
        changes += snapshot.projects.map { .project($0.key, $0.value) }
        changes += snapshot.assignments.map { .assignment($0.key, $0.value) }
        apply(changes)
    }

    /// What the changes of one call touch, before it is known what they change.
    struct Touched {
        var projects: Set<String> = []
        var keys: Set<ProjectDomain> = []
        var rows: Set<AdminRowKey> = []
        var namespaces: Set<String> = []
        /// Whether the clusters that labels reach may have changed.
        var isReach = false
        /// Whether something that all namespaces of a data plane share has changed, so that agreement on shared
        /// namespaces is checked again.
        var isAgreement = false
    }

    /// Applies the changes to the snapshot and the plan.
    @discardableResult
    public mutating func apply(_ changes: some Sequence<FleetChange>) -> PlanDiff {
        var touched = Touched()
        var diff = PlanDiff()
        for change in changes { take(change, &touched, &diff) }
        for project in touched.projects { settleProject(project, &touched, &diff) }
        for row in touched.rows { settleRow(row, &touched, &diff) }
        for key in touched.keys { settleEntry(key, &touched, &diff) }
        if touched.isReach {
            reach = newReach()
            touched.namespaces.formUnion(plan.namespaces.keys)
        }
        for name in touched.namespaces { settleNamespace(name, &diff) }
        settleAgreement(touched, &diff)
        for key in diff.projectDomains { addDependents(of: key, to: &diff) }
        for name in diff.namespaces { for key in index.sharers[name] ?? [] { addDependents(of: key, to: &diff) } }
        return diff
    }

    /// The objects whose statuses show a project-domain.
    public func dependents(of key: ProjectDomain) -> (assignments: Set<String>, projects: Set<String>) {
        let projects = (index.projectsOf[key.project] ?? []).filter {
            snapshot.projects[$0]?.effectiveDomains(snapshot.settings.spec.domains).contains(key.domain) ?? false
        }
        return (index.assignmentsOf[key] ?? [], projects)
    }
    /// The project-domains of a namespace.
    public func projectDomains(of namespace: String) -> Set<ProjectDomain> { index.sharers[namespace] ?? [] }

    private func addDependents(of key: ProjectDomain, to diff: inout PlanDiff) {
        let dependents = dependents(of: key)
        diff.assignments.formUnion(dependents.assignments)
        diff.projects.formUnion(dependents.projects)
    }

    // MARK: Settling what was touched

    /// Finds the FlyteProject that counts, and its claims.
    private mutating func settleProject(_ project: String, _ touched: inout Touched, _ diff: inout PlanDiff) {
        let before = plan.projectsInForce[project]
        let objects = (index.projectsOf[project] ?? []).compactMap { snapshot.projects[$0] }
        let inForce = objects.min { Seniority($0.metadata) < Seniority($1.metadata) }
        let name = inForce?.metadata.name
        let domains = snapshot.settings.spec.domains
        touched.keys.formUnion(
            index.claim(
                project, before: before,
                now: inForce.map { ($0.metadata.name, $0.effectiveDomains(domains)) }))
        plan.projectsInForce[project] = name
        // Also project-domains that only assignments or flyteadmin want, since their values come from the project.
        touched.keys.formUnion(index.wantedOf[project] ?? [])
        for key in index.wantedOf[project] ?? [] {
            if let space = plan.entries[key]?.answer.name { touched.namespaces.insert(space) }
        }
        for object in objects { setDuplicate(\.duplicateProjects, object.metadata.name, of: name, &diff.projects) }
    }

    private mutating func settleRow(_ row: AdminRowKey, _ touched: inout Touched, _ diff: inout PlanDiff) {
        let objects = (index.assignmentsOfRow[row] ?? []).compactMap { snapshot.assignments[$0] }
        let oldest = objects.min { Seniority($0.metadata) < Seniority($1.metadata) }?.metadata.name
        for object in objects {
            setDuplicate(\.duplicateAssignments, object.metadata.name, of: oldest, &diff.assignments)
        }
        // The label that counts decides in which clusters the namespace is wanted.
        guard isLabelled else { return }
        let keys =
            row.isWholeProject
            ? index.wantedOf[row.project] ?? [] : [ProjectDomain(project: row.project, domain: row.domain)]
        for key in keys { if let name = plan.entries[key]?.answer.name { touched.namespaces.insert(name) } }
    }

    private mutating func setDuplicate(
        _ duplicates: WritableKeyPath<FleetPlan, [String: String]>, _ name: String, of oldest: String?,
        _ changed: inout Set<String>
    ) {
        let older = oldest == name ? nil : oldest
        guard plan[keyPath: duplicates][name] != older else { return }
        plan[keyPath: duplicates][name] = older
        changed.insert(name)
    }

    private mutating func settleEntry(_ key: ProjectDomain, _ touched: inout Touched, _ diff: inout PlanDiff) {
        let before = plan.entries[key]
        let entry = entry(of: key)
        plan.entries[key] = entry
        if entry == nil {
            index.wantedOf.remove(key, from: key.project)
        } else {
            index.wantedOf[key.project, default: []].insert(key)
        }
        if let name = before?.answer.name {
            touched.namespaces.insert(name)
            if entry?.answer.name != name { index.sharers.remove(key, from: name) }
        }
        if let name = entry?.answer.name {
            touched.namespaces.insert(name)
            index.sharers[name, default: []].insert(key)
        }
        if before?.answer != entry?.answer { diff.projectDomains.insert(key) }
    }

    private func entry(of key: ProjectDomain) -> FleetPlan.Entry? {
        guard let template = snapshot.settings.template, let claimants = index.claimants[key] else { return nil }
        let seniorities = claimants.compactMap { claimant -> Seniority? in
            switch claimant {
            case .project(let name): snapshot.projects[name].map { Seniority($0.metadata) }
            case .assignment(let name):
                // An assignment wants a namespace only in a domain of the registry.
                snapshot.settings.spec.domains.contains(key.domain)
                    ? snapshot.assignments[name].map { Seniority($0.metadata) } : nil
            case .flyteAdmin: Seniority.youngest([key]).first?.1
            }
        }
        guard let oldest = seniorities.min() else { return nil }
        let answer = template.namespace(of: key)
        // The owner of a shared namespace is settled later, with the namespace.
        let owner = answer.name == nil ? nil : plan.entries[key]?.sharesWith
        return FleetPlan.Entry(answer: answer, seniority: oldest, sharesWith: owner)
    }

    /// Finds the project-domain that owns a namespace, and the namespace's own content.
    private mutating func settleNamespace(_ name: String, _ diff: inout PlanDiff) {
        let before = plan.namespaces[name]
        let keys = (index.sharers[name] ?? []).sorted {
            (plan.entries[$0]?.seniority ?? .last, $0) < (plan.entries[$1]?.seniority ?? .last, $1)
        }
        if keys.count > 1 { index.shared.insert(name) } else { index.shared.remove(name) }
        for key in keys {
            let owner = key == keys.first ? nil : keys.first
            guard plan.entries[key]?.sharesWith != owner else { continue }
            plan.entries[key]?.sharesWith = owner
            diff.projectDomains.insert(key)
        }
        let new = keys.first.map { owner in
            FleetPlan.Namespace(owner: owner, fingerprint: fingerprint(of: owner), clusters: clusters(of: keys))
        }
        guard before != new else { return }
        plan.namespaces[name] = new
        diff.namespaces.insert(name)
    }

    private func fingerprint(of key: ProjectDomain) -> UInt64 {
        let spec = plan.projectsInForce[key.project].flatMap { snapshot.projects[$0]?.spec }
        var hasher = Hasher()
        hasher.combine(key)
        hasher.combine(spec?.values)
        hasher.combine(spec?.domainValues)
        hasher.combine(spec?.valuesFrom)
        hasher.combine(snapshot.attributes[key]?.values)
        for source in spec?.valuesFrom ?? [] { hasher.combine(snapshot.readings[source]) }
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    // MARK: Where a namespace is wanted

    var isLabelled: Bool { snapshot.settings.spec.syncScope == .labelled }

    private func newReach() -> Reach? {
        guard isLabelled else { return nil }
        let labels = Array(snapshot.executionLabels.values)
        return Reach(
            // The clusters' states do not affect which labels are in force.
            dataPlanes: snapshot.dataPlanes.values, resolvedLabels: LabelResolution.all(labels, clusters: [:]),
            assignments: [ExecutionClusterLabel](), defaultLabel: snapshot.settings.spec.defaultExecutionLabel,
            hasUnreadable: !snapshot.unreadableLabels.isEmpty)
    }

    private func clusters(of keys: [ProjectDomain]) -> Set<String>? {
        guard let reach else { return nil }
        return keys.reduce(into: []) { clusters, key in
            let names = (index.assignmentsOf[key] ?? []).union(index.assignmentsOfProject[key.project] ?? [])
            let inForce = names.filter { plan.duplicateAssignments[$0] == nil }
            clusters.formUnion(reach.clusters(of: inForce.compactMap { snapshot.assignments[$0]?.spec }))
        }
    }

    // MARK: Project-domains that share a namespace

    private mutating func settleAgreement(_ touched: Touched, _ diff: inout PlanDiff) {
        let before = plan.disagreements
        let names = touched.isAgreement ? index.shared : index.shared.intersection(touched.namespaces)
        let gone = before.keys.filter { key in
            guard let name = plan.entries[key]?.answer.name, index.shared.contains(name) else { return true }
            return names.contains(name)
        }
        guard !names.isEmpty || !gone.isEmpty else { return }
        for key in gone { plan.disagreements[key] = nil }
        let groups = names.reduce(into: [:]) { $0[$1] = index.sharers[$1] ?? [] }
        plan.disagreements.merge(SharedNamespaces.disagreements(groups, plan, snapshot)) { $1 }
        for key in Set(before.keys).union(plan.disagreements.keys) where before[key] != plan.disagreements[key] {
            diff.projectDomains.insert(key)
        }
    }
}

extension Seniority {
    fileprivate static var last: Seniority { Seniority(ObjectMeta(name: "\u{10FFFF}")) }
}
