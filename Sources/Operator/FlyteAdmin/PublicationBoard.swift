import Fleet
import KubeObjects
import Support

/// What is known of each ExecutionClusterLabel in flyteadmin, and flyteadmin's own projects: for the reconcilers to read.
final class PublicationBoard: Sendable {
    private struct Known: Sendable, Hashable {
        var claim: AdminRow
        var publication: Publication
    }
    private struct State {
        var isConfigured = false
        var known: [String: Known] = [:]
        var discovered: DiscoveredProjects?
        var clusterResources: ClusterResourceAttributes?
        var namedLabels: Set<String>?
    }
    /// The same of FlyteProjects.
    let projects = ProjectBoard()
    private let state = Locked(State())
    private let metrics: Metrics?

    init(metrics: Metrics? = nil) { self.metrics = metrics }

    /// What to say of an object. Of one that nothing is known of yet: what was said before, if that was about the same
    /// spec. So a restart neither writes statuses nor waits for flyteadmin.
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

    /// What to say of a FlyteProject; nil of one that wants nothing in flyteadmin.
    func publication(of object: FlyteProject, _ demand: ProjectDemand) -> Publication? {
        if demand.isEmpty { return nil }
        return state.withLock { $0.isConfigured } ? projects.publication(of: object, demand) : .notConfigured
    }

    /// True where it is news.
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

    /// Replaces all of it. Returns the objects of which something else is known now.
    func replace(_ new: [String: (AdminRow, Publication)]) -> [String] {
        let new = new.mapValues { Known(claim: $0.0, publication: $0.1) }
        metrics?.set(labels: new.values.reduce(into: [:]) { $0[$1.publication.state, default: 0] += 1 })
        return state.withLock { state in
            let changed = new.keys.filter { state.known[$0] != new[$0] }
            state.known = new
            return changed.sorted()
        }
    }

    /// The labels that flyteadmin's rows name, whoever wrote them, and those that we are about to write; nil before they were
    /// read once.
    var namedLabels: Set<String>? { state.withLock { $0.namedLabels } }

    /// True where it is news.
    func set(namedLabels: Set<String>) -> Bool {
        state.withLock { state in
            defer { state.namedLabels = namedLabels }
            return state.namedLabels != namedLabels
        }
    }

    /// flyteadmin's CLUSTER_RESOURCE attributes; nil where nothing is known of them yet, or they don't count. What was once
    /// read stays while it can't be asked.
    var clusterResources: ClusterResourceAttributes? { state.withLock { $0.clusterResources } }

    /// True where it is news.
    func set(clusterResources: ClusterResourceAttributes?) -> Bool {
        state.withLock { state in
            defer { state.clusterResources = clusterResources }
            return state.clusterResources != clusterResources
        }
    }

    /// flyteadmin's projects; nil where nothing is known of them yet, or they don't count. What was once found stays while
    /// it can't be asked.
    var discovered: DiscoveredProjects? { state.withLock { $0.discovered } }

    /// True where it is news.
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
