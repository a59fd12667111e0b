import Fleet
import KubeObjects
import Support

/// The objects that a placement follows from, and why flyteadmin may place differently at this moment, as notes for
/// people.
struct PlacementGrounds {
    private let objects: FleetObjects
    private let fleet: PlacementFleet
    private let now: Instant

    init(_ objects: FleetObjects, _ fleet: PlacementFleet, now: Instant) {
        (self.objects, self.fleet, self.now) = (objects, fleet, now)
    }

    // MARK: The objects that decide

    /// The names and ages of the objects that a placement follows from.
    func sources(of placement: Placement, _ request: Placement.Request) -> [String] {
        var notes: [String] = []
        if let (key, label) = row(of: request) {
            if let object = objects.assignmentsInForce[key], object.spec.value == label {
                notes.append("the label \(label) of \(key.place) is set by \(name(object))")
            } else {
                notes.append("the label \(label) of \(key.place) is the one that flyteadmin has")
            }
            let others = objects.assignments.values.filter { AdminRowKey($0.spec) == key }.map(\.metadata.name)
            let younger = others.filter { $0 != objects.assignmentsInForce[key]?.metadata.name }.sorted()
            if !younger.isEmpty {
                let which = "ExecutionClusterLabel \(younger.listed())"
                notes.append("\(which) is for \(key.place) too, and does not count: the older one does")
            }
        }
        if placement.rule == .defaultLabel, let registry = objects.registry {
            notes.append("the default label \(placement.label) is set by \(name(registry))")
        }
        let named = objects.labels.values.filter { $0.label == placement.label }
        if let object = Seniority.oldest(named, by: \.label)[placement.label] {
            notes.append("the clusters of \(placement.label) are set by \(name(object))")
        }
        return notes
    }

    /// The row that sets a request's label. Nil if the launch sets it, or nothing does.
    private func row(of request: Placement.Request) -> (AdminRowKey, String)? {
        guard let (rule, label) = fleet.attribute(of: request) else { return nil }
        let key = AdminRowKey(project: request.project, domain: request.domain, workflow: request.workflow ?? "")
        switch rule {
        case .workflow: return (key, label)
        case .projectDomain: return (key.projectDomain, label)
        case .project: return (key.wholeProject, label)
        case .launchLabel, .defaultLabel, .allClusters: return nil
        }
    }

    private func name<Spec>(_ object: CustomResource<Spec>) -> String {
        let age = Age.since(object.metadata.creationTimestamp, now: now)
        return "\(Spec.resourceType.kind) \(object.metadata.name)" + (age.isEmpty ? "" : " (\(age) old)")
    }

    // MARK: What flyteadmin has not read yet

    /// The labels for this request that flyteadmin does not have as the objects say.
    func unread(_ request: Placement.Request, _ placement: Placement) -> [String] {
        let key = AdminRowKey(project: request.project, domain: request.domain, workflow: request.workflow ?? "")
        let keys = request.label == nil ? [key] + key.above : []
        let inForce = objects.assignmentsInForce
        var notes = keys.compactMap { key in inForce[key].flatMap { unread($0, key) } }
        notes += published(request, placement)
        return notes
    }

    func unread(_ object: ExecutionClusterLabel, _ key: AdminRowKey) -> String? {
        let what = "ExecutionClusterLabel \(object.metadata.name)"
        if let rows = objects.flyteAdmin?.rows {
            guard rows[key] != object.spec.value else { return nil }
            let has = rows[key].map { "the label \($0)" } ?? "no label"
            let why = standing(.published, of: object).map { " (\($0))" } ?? ""
            return "flyteadmin has not read \(what) yet: it has \(has) for \(key.place)\(why)"
        }
        if objects.registry?.spec.flyteAdmin == nil {
            return
                "nothing writes \(what) to flyteadmin, since the ClusterRegistry has no flyteAdmin: its label counts once "
                + "somebody has set it there"
        }
        return standing(.published, of: object).map { "flyteadmin may not have read \(what) yet: \($0)" }
    }

    /// Whether flyteadmin can know the clusters and labels as the objects say.
    var unreadClusters: [String] {
        guard let registry = objects.registry, registry.spec.publish != nil else {
            return [
                "the ClusterRegistry publishes no clusters: flyteadmin's own are taken to say the same as the objects"
            ]
        }
        if let problem = standing(.published, of: registry) {
            return ["flyteadmin may not have read the present clusters and labels: \(problem)"]
        }
        guard let problem = standing(.rolledOut, of: registry) else { return [] }
        if registry.spec.publish?.restart.isEmpty == true {
            return [
                "flyteadmin reads clusters and labels when it starts, and publish.restart names nothing: whether it has "
                    + "read the present ones is not known"
            ]
        }
        return ["flyteadmin may not run with the present clusters and labels yet: \(problem)"]
    }

    /// Why the condition is not True. Nil if it is, and if the objects come from files without statuses.
    private func standing<Spec>(_ type: ConditionType, of object: CustomResource<Spec>) -> String? {
        guard let condition = object.status?.conditions[type] else {
            guard objects.isLive else { return nil }
            return "no operator has said anything of \(type.rawValue)"
        }
        if let generation = object.metadata.generation, (condition.observedGeneration ?? generation) < generation {
            return "\(type.rawValue) tells of an older generation of the object"
        }
        guard condition.status != .isTrue else { return nil }
        return "\(type.rawValue) is \(condition.status.rawValue) (\(condition.reason)): \(condition.message)"
    }

    /// What the published text says, if it differs from the objects.
    private func published(_ request: Placement.Request, _ placement: Placement) -> [String] {
        guard let fleet = objects.publishedFleet else { return [] }
        let present = fleet.placement(of: request).candidates
        func isSame(_ left: Placement.Candidate, _ right: Placement.Candidate) -> Bool {
            left.cluster == right.cluster && abs(left.probability - right.probability) < 0.001
        }
        guard !present.elementsEqual(placement.candidates, by: isSame) else { return [] }
        let chances = present.map { "\($0.cluster) \(Share.text($0.probability))" }
        let text = chances.isEmpty ? "no cluster at all" : chances.listed(limit: 16)
        return ["what is published at this moment gives another answer: \(text)"]
    }

    // MARK: What flyteadmin says

    /// Compares where the execution ran with the cluster that the rules draw.
    func ran(_ name: String, _ request: Placement.Request, drawn: String?) -> [String] {
        switch objects.flyteAdmin?.execution {
        case nil, .notAsked?: return []
        case .unknown(let why)?: return ["where \(name) ran is not known here: \(why)"]
        case .absent?: return ["flyteadmin has no execution \(name) in \(request.project)/\(request.domain)"]
        case .present(let ran)?:
            var notes: [String] = []
            if ran.cluster.isEmpty {
                let phase = ran.phase.isEmpty ? "" : " (\(ran.phase))"
                notes.append(
                    "flyteadmin has the execution \(name)\(phase) and names no cluster for it: it could not be created, or "
                        + "flyteadmin runs everything in its own cluster")
            } else if let drawn, drawn != ran.cluster {
                notes.append("\(name) ran on \(ran.cluster), and would go to \(drawn) now")
            }
            if !ran.label.isEmpty, request.label != ran.label {
                notes.append("the launch of \(name) named the label \(ran.label): --label \(ran.label) explains it")
            }
            if !ran.workflow.isEmpty, request.workflow != ran.workflow {
                let key = AdminRowKey(project: request.project, domain: request.domain, workflow: ran.workflow)
                if fleet.assignments[key] != nil {
                    notes.append("\(key.place), which \(name) ran, has a label of its own: --workflow explains it")
                }
            }
            return notes
        }
    }

    /// flyteadmin's rows without an object.
    func rowsWithoutObject(_ isMeant: (AdminRowKey) -> Bool) -> [String] {
        let rows = objects.rowsWithoutObject.filter { isMeant($0.key) }
        guard !rows.isEmpty else { return [] }
        let list = rows.map { "\($0.key.place) = \($0.value)" }.listed(limit: 16)
        return ["flyteadmin has labels that no ExecutionClusterLabel sets: \(list)"]
    }

    var problems: [String] {
        objects.flyteAdmin?.problem.map { ["flyteadmin could not be asked from here: \($0)"] } ?? []
    }
}
