import Fleet
import Support

/// The last reported state of each data plane and assignment, for the statuses that follow from it.
final class ReportedReadiness: Sendable {
    /// The state of a data plane: for the labels, and for the registry, which counts the Ready ones.
    struct Standing: Sendable, Hashable {
        var cluster: ClusterState
        var isReady: Bool
        init(_ object: DataPlane, _ status: DataPlaneStatus?) {
            // The state without a cordon, so that an uncordon needs no reconciliation of the data plane.
            var uncordoned = object
            uncordoned.spec.unschedulable = false
            cluster = ClusterState(uncordoned, status)
            isReady = object.spec.enabled && status?.conditions.isTrue(.ready) ?? false
        }
    }
    /// The objects that a change of a data plane's state concerns.
    enum News: Sendable, Hashable {
        case none
        /// The data plane became Ready, or ceased to be. The registry shows that.
        case readiness
        /// The data plane became available, or ceased to be. Labels, and everything that depends on them, follow that.
        case availability
    }
    private struct State {
        var standings: [String: Standing] = [:]
        var revision: UInt64 = 0
        var assignments: [String: Bool] = [:]
    }
    private let state = Locked(State())
    private let cache = ResolvedLabelCache()

    /// `name` is the DataPlane's name.
    func set(dataPlane name: String, _ new: Standing?) -> News {
        state.withLock { state in
            let old = state.standings[name]
            guard old != new else { return .none }
            state.standings[name] = new
            if old?.cluster == new?.cluster { return .readiness }
            state.revision += 1
            return .availability
        }
    }

    /// Moves with every change of a data plane that labels depend on.
    var revision: UInt64 { state.withLock { $0.revision } }

    func set(assignment name: String, _ isReady: Bool?) -> Bool {
        state.withLock { state in
            defer { state.assignments[name] = isReady }
            return state.assignments[name] != isReady
        }
    }

    /// Whether each of them has been looked at since this process began to lead.
    func hasSeen(dataPlanes: some Sequence<String>, assignments: some Sequence<String>) -> Bool {
        state.withLock { state in
            dataPlanes.allSatisfy { state.standings[$0] != nil }
                && assignments.allSatisfy { state.assignments[$0] != nil }
        }
    }
    subscript(dataPlane name: String) -> Standing? { state.withLock { $0.standings[name] } }
    func isReady(dataPlane name: String) -> Bool { self[dataPlane: name]?.isReady ?? false }
    func isReady(assignment name: String) -> Bool { state.withLock { $0.assignments[name] ?? false } }

    /// How each execution label is, by the name of its object and by the label.
    func resolvedLabels(_ plan: PlanInForce) -> ResolvedLabelCache.Labels {
        // The revision is read before the states: what changes meanwhile is looked at again next time.
        cache.labels(.init(plan: plan.revision, readiness: revision)) {
            LabelResolution.all(Array(plan.labels.values), clusters: clusterStates(plan))
        }
    }

    /// The states of the data planes that labels need, by `clusterName`.
    private func clusterStates(_ plan: PlanInForce) -> [String: ClusterState] {
        Seniority.oldest(plan.dataPlanes.values, by: \.clusterName).mapValues { object in
            // The spec counts at once; what was said of the data plane may be a moment old.
            if !object.spec.enabled { return .disabled }
            if object.spec.unschedulable { return .unschedulable }
            let state = self[dataPlane: object.metadata.name]?.cluster ?? .undetermined
            return state == .disabled ? .undetermined : state
        }
    }
}
