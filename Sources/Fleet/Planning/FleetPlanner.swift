import KubeObjects

/// Keeps a plan in step with a snapshot. Pure: it does no I/O, and holds only the two and indexes of them.
///
/// `apply` looks only at what its changes touch. One more assignment costs the same with ten namespaces as with a
/// thousand. A change of the settings touches all namespaces. So does a change of a label or a data plane with
/// `syncScope: Labelled`. Whatever the history, the plan is the one that the snapshot alone gives. `FleetPlannerTests`
/// compares the two after each of 100,000 random changes.
public struct FleetPlanner: Sendable {
    public private(set) var snapshot = FleetSnapshot()
    public private(set) var plan = FleetPlan()

    /// What wants a project-domain.
    private enum Claimant: Sendable, Hashable {
        case project(String)
        case assignment(String)
        case flyteAdmin
    }
    private var claimants: [ProjectDomain: Set<Claimant>] = [:]
    /// By project: its FlyteProjects, the project-domains that the one in force claims, and all wanted project-domains.
    private var projectsOf: [String: Set<String>] = [:]
    private var claimedBy: [String: Set<ProjectDomain>] = [:]
    private var wantedOf: [String: Set<ProjectDomain>] = [:]
    private var assignmentsOfRow: [AdminRowKey: Set<String>] = [:]
    private var assignmentsOf: [ProjectDomain: Set<String>] = [:]
    /// The assignments of whole projects. They want no namespace. A project-domain without its own label gets its
    /// project's.
    private var assignmentsOfProject: [String: Set<String>] = [:]
    private var sharers: [String: Set<ProjectDomain>] = [:]
    private var shared: Set<String> = []
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
    private struct Touched {
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
        for name in diff.namespaces { for key in sharers[name] ?? [] { addDependents(of: key, to: &diff) } }
        return diff
    }

    /// The objects whose statuses show a project-domain.
    public func dependents(of key: ProjectDomain) -> (assignments: Set<String>, projects: Set<String>) {
        let projects = (projectsOf[key.project] ?? []).filter {
            snapshot.projects[$0]?.effectiveDomains(snapshot.settings.spec.domains).contains(key.domain) ?? false
        }
        return (assignmentsOf[key] ?? [], projects)
    }
    /// The project-domains of a namespace.
    public func projectDomains(of namespace: String) -> Set<ProjectDomain> { sharers[namespace] ?? [] }

    private func addDependents(of key: ProjectDomain, to diff: inout PlanDiff) {
        let dependents = dependents(of: key)
        diff.assignments.formUnion(dependents.assignments)
        diff.projects.formUnion(dependents.projects)
    }

    // MARK: Taking a change in

    private mutating func take(_ change: FleetChange, _ touched: inout Touched, _ diff: inout PlanDiff) {
        switch change {
        case .dataPlane(let name, let new):
            let old = snapshot.dataPlanes[name]
            snapshot.dataPlanes[name] = new
            diff.dataPlanes.insert(name)
            if isLabelled, old?.clusterName != new?.clusterName || old?.spec.enabled != new?.spec.enabled {
                touched.isReach = true
            }
            touched.isAgreement = touched.isAgreement || old?.spec != new?.spec
        case .executionLabel(let name, let new):
            let old = snapshot.executionLabels[name]
            snapshot.executionLabels[name] = new
            diff.executionLabels.insert(name)
            // If two objects have one label, the older one is used.
            let isSame =
                old?.spec == new?.spec && old.map { Seniority($0.metadata) } == new.map { Seniority($0.metadata) }
            if isLabelled, !isSame { touched.isReach = true }
        case .unreadableLabel(let name, let isUnreadable):
            guard snapshot.unreadableLabels.contains(name) != isUnreadable else { return }
            if isUnreadable { snapshot.unreadableLabels.insert(name) } else { snapshot.unreadableLabels.remove(name) }
            if isLabelled { touched.isReach = true }
        case .assignment(let name, let new):
            if let old = snapshot.assignments[name] { claim(old, isWanted: false, &touched) }
            snapshot.assignments[name] = new
            if let new { claim(new, isWanted: true, &touched) }
            diff.assignments.insert(name)
        case .project(let name, let new):
            if let old = snapshot.projects[name] {
                projectsOf.remove(name, from: old.spec.project)
                touched.projects.insert(old.spec.project)
            }
            snapshot.projects[name] = new
            if let new {
                projectsOf[new.spec.project, default: []].insert(name)
                touched.projects.insert(new.spec.project)
            }
            diff.projects.insert(name)
        case .settings(let new):
            guard new != snapshot.settings else { return }
            snapshot.settings = new
            diff.isCommon = true
            touched.projects.formUnion(projectsOf.keys)
            touched.keys.formUnion(claimants.keys)
            (touched.isReach, touched.isAgreement) = (true, true)
        case .discovered(let new):
            let before = Set(snapshot.discovered?.projectDomains ?? [])
            let after = Set(new?.projectDomains ?? [])
            let archived = (snapshot.discovered?.archived ?? []).symmetricDifference(new?.archived ?? [])
            snapshot.discovered = new
            for key in before.subtracting(after) { claimants.remove(.flyteAdmin, from: key) }
            for key in after.subtracting(before) { claimants[key, default: []].insert(.flyteAdmin) }
            touched.keys.formUnion(before.symmetricDifference(after))
            for project in archived {
                for key in wantedOf[project] ?? [] { diff.projectDomains.insert(key) }
                diff.assignments.formUnion(assignmentsOfProject[project] ?? [])
            }
        case .attributes(let new): take(new, &touched, &diff)
        case .replicated(let new):
            if snapshot.replicated != new { diff.isCommon = true }
            snapshot.replicated = new
        case .templates(let new):
            let isNews =
                new.version != snapshot.templates.version || (new.set == nil) != (snapshot.templates.set == nil)
            snapshot.templates = new
            if isNews { (diff.isCommon, touched.isAgreement) = (true, true) }
        case .reading(let source, let new):
            guard snapshot.readings[source] != new else { return }
            snapshot.readings[source] = new
            take(aReadingOf: source, &touched, &diff)
        }
    }

    private mutating func take(aReadingOf source: ValueSource, _ touched: inout Touched, _ diff: inout PlanDiff) {
        touched.isAgreement = true
        if snapshot.settings.spec.valuesFrom.contains(source) { diff.isCommon = true }
        for (name, object) in snapshot.dataPlanes where object.spec.valuesFrom.contains(source) {
            diff.dataPlanes.insert(name)
        }
        for object in snapshot.projects.values where object.spec.valuesFrom.contains(source) {
            touched.projects.insert(object.spec.project)
        }
    }

    /// Touches the project-domains for which another row counts now, or the same row with other values.
    private mutating func take(_ new: AttributesInForce, _ touched: inout Touched, _ diff: inout PlanDiff) {
        let old = snapshot.attributes
        guard new != old else { return }
        snapshot.attributes = new
        // Whether anything can be rendered affects all namespaces.
        if new.isPending != old.isPending { (diff.isCommon, touched.isAgreement) = (true, true) }
        let names = (old.known?.projectNames ?? []).union(new.known?.projectNames ?? [])
        for project in names where old.known?[project] != new.known?[project] {
            for key in wantedOf[project] ?? [] where old[key]?.values != new[key]?.values {
                if let name = plan.entries[key]?.answer.name { touched.namespaces.insert(name) }
            }
        }
    }

    private mutating func claim(_ object: ExecutionClusterLabel, isWanted: Bool, _ touched: inout Touched) {
        let (name, row) = (object.metadata.name, AdminRowKey(object.spec))
        touched.rows.insert(row)
        if isWanted {
            assignmentsOfRow[row, default: []].insert(name)
        } else {
            assignmentsOfRow.remove(name, from: row)
        }
        switch (object.spec.projectDomain, isWanted) {
        case (let key?, true):
            claimants[key, default: []].insert(.assignment(name))
            assignmentsOf[key, default: []].insert(name)
            touched.keys.insert(key)
        case (let key?, false):
            claimants.remove(.assignment(name), from: key)
            assignmentsOf.remove(name, from: key)
            touched.keys.insert(key)
        case (nil, true): assignmentsOfProject[row.project, default: []].insert(name)
        case (nil, false): assignmentsOfProject.remove(name, from: row.project)
        }
    }

    // MARK: Settling what was touched

    /// Finds the FlyteProject that counts, and its claims.
    private mutating func settleProject(_ project: String, _ touched: inout Touched, _ diff: inout PlanDiff) {
        let before = plan.projectsInForce[project]
        let objects = (projectsOf[project] ?? []).compactMap { snapshot.projects[$0] }
        let inForce = objects.min { Seniority($0.metadata) < Seniority($1.metadata) }
        let name = inForce?.metadata.name
        for key in claimedBy[project] ?? [] {
            if let before { claimants.remove(.project(before), from: key) }
            touched.keys.insert(key)
        }
        claimedBy[project] = nil
        if let inForce {
            for domain in inForce.effectiveDomains(snapshot.settings.spec.domains) {
                let key = ProjectDomain(project: project, domain: domain)
                claimants[key, default: []].insert(.project(inForce.metadata.name))
                claimedBy[project, default: []].insert(key)
                touched.keys.insert(key)
            }
        }
        plan.projectsInForce[project] = name
        // Also project-domains that only assignments or flyteadmin want, since their values come from the project.
        touched.keys.formUnion(wantedOf[project] ?? [])
        for key in wantedOf[project] ?? [] {
            if let space = plan.entries[key]?.answer.name { touched.namespaces.insert(space) }
        }
        for object in objects { setDuplicate(\.duplicateProjects, object.metadata.name, of: name, &diff.projects) }
        for gone in diff.projects where snapshot.projects[gone] == nil { plan.duplicateProjects[gone] = nil }
    }

    private mutating func settleRow(_ row: AdminRowKey, _ touched: inout Touched, _ diff: inout PlanDiff) {
        let objects = (assignmentsOfRow[row] ?? []).compactMap { snapshot.assignments[$0] }
        let oldest = objects.min { Seniority($0.metadata) < Seniority($1.metadata) }?.metadata.name
        for object in objects {
            setDuplicate(\.duplicateAssignments, object.metadata.name, of: oldest, &diff.assignments)
        }
        for gone in diff.assignments where snapshot.assignments[gone] == nil { plan.duplicateAssignments[gone] = nil }
        // The label that counts decides in which clusters the namespace is wanted.
        guard isLabelled else { return }
        let keys =
            row.isWholeProject
            ? wantedOf[row.project] ?? [] : [ProjectDomain(project: row.project, domain: row.domain)]
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
            wantedOf.remove(key, from: key.project)
        } else {
            wantedOf[key.project, default: []].insert(key)
        }
        if let name = before?.answer.name {
            touched.namespaces.insert(name)
            if entry?.answer.name != name { sharers.remove(key, from: name) }
        }
        if let name = entry?.answer.name {
            touched.namespaces.insert(name)
            sharers[name, default: []].insert(key)
        }
        if before?.answer != entry?.answer { diff.projectDomains.insert(key) }
    }

    private func entry(of key: ProjectDomain) -> FleetPlan.Entry? {
        guard let template = snapshot.settings.template, let claimants = claimants[key] else { return nil }
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
        let keys = (sharers[name] ?? []).sorted {
            (plan.entries[$0]?.seniority ?? .last, $0) < (plan.entries[$1]?.seniority ?? .last, $1)
        }
        if keys.count > 1 { shared.insert(name) } else { shared.remove(name) }
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

    private var isLabelled: Bool { snapshot.settings.spec.syncScope == .labelled }

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
            let names = (assignmentsOf[key] ?? []).union(assignmentsOfProject[key.project] ?? [])
            let inForce = names.filter { plan.duplicateAssignments[$0] == nil }
            clusters.formUnion(reach.clusters(of: inForce.compactMap { snapshot.assignments[$0]?.spec }))
        }
    }

    // MARK: Project-domains that share a namespace

    private mutating func settleAgreement(_ touched: Touched, _ diff: inout PlanDiff) {
        let before = plan.disagreements
        let names = touched.isAgreement ? shared : shared.intersection(touched.namespaces)
        let gone = before.keys.filter { key in
            guard let name = plan.entries[key]?.answer.name, shared.contains(name) else { return true }
            return names.contains(name)
        }
        guard !names.isEmpty || !gone.isEmpty else { return }
        for key in gone { plan.disagreements[key] = nil }
        let groups = names.reduce(into: [:]) { $0[$1] = sharers[$1] ?? [] }
        plan.disagreements.merge(SharedNamespaces.disagreements(groups, plan, snapshot)) { $1 }
        for key in Set(before.keys).union(plan.disagreements.keys) where before[key] != plan.disagreements[key] {
            diff.projectDomains.insert(key)
        }
    }
}

extension Seniority {
    fileprivate static var last: Seniority { Seniority(ObjectMeta(name: "\u{10FFFF}")) }
}

extension Dictionary {
    /// Removes an element from a set, and an empty set from the dictionary.
    fileprivate mutating func remove<Element: Hashable>(_ element: Element, from key: Key) where Value == Set<Element> {
        self[key]?.remove(element)
        if self[key]?.isEmpty == true { self[key] = nil }
    }
}
