import Fleet
import Support

/// What the controllers last found for each data plane and assignment, for objects whose statuses depend on them.
final class ReadinessBoard: Sendable {
    /// The state of a data plane: for the labels, and for the registry, which counts the Ready ones.
    struct Standing: Sendable, Hashable {
        var cluster: ClusterState
        var isReady: Bool
        init(_ object: DataPlane, _ status: DataPlaneStatus?) {
            // The state without a cordon, so that uncordoning needs no new look at the data plane.
            var uncordoned = object
            uncordoned.spec.unschedulable = false
            cluster = ClusterState(uncordoned, status)
            isReady = object.spec.enabled && status?.conditions.isTrue(.ready) ?? false
        }
    }
    /// Which objects a change of a data plane's standing concerns.
    enum News: Sendable, Hashable {
        case none
        /// Whether it is Ready has changed. The registry shows that.
        case readiness
        /// Whether it is available has changed. Labels, and everything that depends on them, follow that.
        case availability
    }
    private struct State {
        var standings: [String: Standing] = [:]
        var revision: UInt64 = 0
        var assignments: [String: Bool] = [:]
        var clusterUIDs: [String: String] = [:]
    }
    private let state = Locked(State())

    /// `name` is that of the DataPlane.
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

    /// `name` is that of the DataPlane. True if the UID differs from the former one or is gone. The first UID does not
    /// count as a change.
    func set(clusterUID: String?, of name: String) -> Bool {
        state.withLock { state in
            let before = state.clusterUIDs[name]
            state.clusterUIDs[name] = clusterUID
            return before != nil && before != clusterUID
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
}
