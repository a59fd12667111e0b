import Fleet
import KubeObjects
import Support

/// What is known of each ExecutionClusterLabel in flyteadmin, and of flyteadmin's projects, for the controllers.
final class FlyteAdminReports: Sendable {
    private struct Known: Sendable, Hashable {
        var claim: AdminRow
        var publication: Publication
    }
    private struct State {
        var isConfigured = false
        var known: [String: Known] = [:]
        var discovered: DiscoveredProjects?
        var clusterResources: ClusterResourceAttributes?
        var attributesProblem: AttributesProblem?
        var namedLabels: Set<String>?
    }
    /// The same for FlyteProjects.
    let projects = ProjectPublications()
    private let state = Locked(State())
    private let metrics: Metrics?

    init(metrics: Metrics? = nil) { self.metrics = metrics }

    /// The state of an object. If nothing is known yet, it repeats the object's status, if that is about the same spec.
    /// So a restart neither writes statuses nor waits for flyteadmin.
    func publication(of object: ExecutionClusterLabel) -> Publication {
        let claim = AdminRow(AdminRowKey(object.spec), object.spec.value)
        let (isConfigured, known) = state.withLock { ($0.isConfigured, $0.known[object.metadata.name]) }
        guard isConfigured else { return .notConfigured }
        if let known, known.claim == claim { return known.publication }
        let before = object.status?.conditions[.published]
        if let before, before.observedGeneration == object.metadata.generation,
            before.reason != Reason.flyteAdminNotConfigured
        {
            return .asBefore(before.status, reason: before.reason, message: before.message)
        }
        return .pending
    }

    /// The state of a FlyteProject. Nil if it wants nothing in flyteadmin.
    func publication(of object: FlyteProject, _ demand: ProjectDemand) -> Publication? {
        if demand.isEmpty { return nil }
        return state.withLock { $0.isConfigured } ? projects.publication(of: object, demand) : .notConfigured
    }

    /// True if that is new.
    func set(isConfigured: Bool) -> Bool {
        if !isConfigured { metrics?.set(labels: [:]) }
        return state.withLock { state in
            defer {
                state.isConfigured = isConfigured
                if !isConfigured { (state.known, state.namedLabels) = ([:], nil) }
            }
            return state.isConfigured != isConfigured
        }
    }

    /// Replaces all states. Returns the objects whose state has changed.
    func replace(_ new: [String: (AdminRow, Publication)]) -> [String] {
        let new = new.mapValues { Known(claim: $0.0, publication: $0.1) }
        metrics?.set(labels: new.values.reduce(into: [:]) { $0[$1.publication.state, default: 0] += 1 })
        return state.withLock { state in
            let changed = new.keys.filter { state.known[$0] != new[$0] }
            state.known = new
            return changed.sorted()
        }
    }

    /// The labels that flyteadmin's rows name, and those that we are about to write. Nil before the rows were read
    /// once.
    var namedLabels: Set<String>? { state.withLock { $0.namedLabels } }

    /// True if that is new.
    func set(namedLabels: Set<String>) -> Bool {
        state.withLock { state in
            defer { state.namedLabels = namedLabels }
            return state.namedLabels != namedLabels
        }
    }

    /// flyteadmin's CLUSTER_RESOURCE attributes. Nil if nothing is known of them yet, or if they don't count. What was
    /// read stays while flyteadmin can't be asked.
    var clusterResources: ClusterResourceAttributes? { state.withLock { $0.clusterResources } }

    /// True if that is new.
    func set(clusterResources: ClusterResourceAttributes?) -> Bool {
        state.withLock { state in
            defer { state.clusterResources = clusterResources }
            return state.clusterResources != clusterResources
        }
    }

    /// Why all namespaces wait for those attributes; nil if they don't, or if nothing has failed yet.
    var attributesProblem: AttributesProblem? { state.withLock { $0.attributesProblem } }

    /// True if that is new.
    func set(attributesProblem: AttributesProblem?) -> Bool {
        state.withLock { state in
            defer { state.attributesProblem = attributesProblem }
            return state.attributesProblem != attributesProblem
        }
    }

    /// What all namespaces wait for. Nil if they don't wait.
    func awaited(_ plan: PlanInForce) -> Awaited? {
        plan.snapshot.attributes.isPending ? .attributes(attributesProblem) : nil
    }

    /// flyteadmin's projects. Nil if nothing is known of them yet, or if they don't count. What was found stays while
    /// flyteadmin can't be asked.
    var discovered: DiscoveredProjects? { state.withLock { $0.discovered } }

    /// True if that is new.
    func set(discovered: DiscoveredProjects?) -> Bool {
        state.withLock { state in
            defer { state.discovered = discovered }
            return state.discovered != discovered
        }
    }
}

extension Publication {
    fileprivate var state: Metrics.LabelState {
        switch self {
        case .published: .published
        case .refused: .refused
        case .unreachable: .unreachable
        case .notConfigured, .pending, .sourceNotAllowed, .waitingForRollout, .held, .asBefore: .held
        }
    }
}
