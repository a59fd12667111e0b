import Fleet
import Support

/// What the reconcilers have last said of each object, for those whose verdicts follow from it.
final class ReadinessBoard: Sendable {
    /// How a data plane is: for the labels, and for the registry, which counts those that are Ready.
    struct Standing: Sendable, Hashable {
        var cluster: ClusterState
        var isReady: Bool
        init(_ object: DataPlane, _ status: DataPlaneStatus?) {
            // How it is beside being cordoned, so that the end of that needs no new look at it.
            var uncordoned = object
            uncordoned.spec.unschedulable = false
            cluster = ClusterState(uncordoned, status)
            isReady = object.spec.enabled && status?.conditions.isTrue(.ready) ?? false
        }
    }
    /// Whom a change of a data plane's standing concerns.
    enum News: Sendable, Hashable {
        case none
        /// Whether it is Ready: the registry tells of that.
        case readiness
        /// Whether it can be worked with: labels, and all that follows from them, go by that.
        case availability
    }
    private struct State {
        var standings: [String: Standing] = [:]
        var revision: UInt64 = 0
        var assignments: [String: Bool] = [:]
        var clusterUIDs: [String: String] = [:]
    }
    private let state = Locked(State())

    /// By name of the DataPlane.
    func set(dataPlane name: String, _ new: Standing?) -> News {
        state.withLock { state in
            let old = state.standings[name]
            guard old != new else { return .none }
            state.standings[name] = new
            if new == nil { state.clusterUIDs[name] = nil }
            if old?.cluster == new?.cluster { return .readiness }
            state.revision += 1
            return .availability
        }
    }

    /// By name of the DataPlane. True where it is another than before, or none any more; the first one is no change.
    func set(clusterUID: String?, of name: String) -> Bool {
        state.withLock { state in
            let before = state.clusterUIDs[name]
            state.clusterUIDs[name] = clusterUID
            return before != nil && before != clusterUID
        }
    }

    /// Moves with every change of what labels see of a data plane.
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
}
