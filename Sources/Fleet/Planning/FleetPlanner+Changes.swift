import KubeObjects

/// Takes changes into the snapshot, and says what they touch.
extension FleetPlanner {
    mutating func take(_ change: FleetChange, _ touched: inout Touched, _ diff: inout PlanDiff) {
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
            if let new { claim(new, isWanted: true, &touched) } else { plan.duplicateAssignments[name] = nil }
            diff.assignments.insert(name)
        case .project(let name, let new):
            if let old = snapshot.projects[name] {
                index.projectsOf.remove(name, from: old.spec.project)
                touched.projects.insert(old.spec.project)
            }
            snapshot.projects[name] = new
            if let new {
                index.projectsOf[new.spec.project, default: []].insert(name)
                touched.projects.insert(new.spec.project)
            } else {
                plan.duplicateProjects[name] = nil
            }
            diff.projects.insert(name)
        case .settings(let new):
            guard new != snapshot.settings else { return }
            snapshot.settings = new
            diff.isCommon = true
            touched.projects.formUnion(index.projectsOf.keys)
            touched.keys.formUnion(index.claimants.keys)
            (touched.isReach, touched.isAgreement) = (true, true)
        case .discovered(let new):
            let before = Set(snapshot.discovered?.projectDomains ?? [])
            let after = Set(new?.projectDomains ?? [])
            let archived = (snapshot.discovered?.archived ?? []).symmetricDifference(new?.archived ?? [])
            snapshot.discovered = new
            for key in before.subtracting(after) { index.claimants.remove(.flyteAdmin, from: key) }
            for key in after.subtracting(before) { index.claimants[key, default: []].insert(.flyteAdmin) }
            touched.keys.formUnion(before.symmetricDifference(after))
            for project in archived {
                for key in index.wantedOf[project] ?? [] { diff.projectDomains.insert(key) }
                diff.assignments.formUnion(index.assignmentsOfProject[project] ?? [])
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
            for key in index.wantedOf[project] ?? [] where old[key]?.values != new[key]?.values {
                if let name = plan.entries[key]?.answer.name { touched.namespaces.insert(name) }
            }
        }
    }

    private mutating func claim(_ object: ExecutionClusterLabel, isWanted: Bool, _ touched: inout Touched) {
        index.assign(object, isWanted: isWanted)
        touched.rows.insert(AdminRowKey(object.spec))
        if let key = object.spec.projectDomain { touched.keys.insert(key) }
    }
}
