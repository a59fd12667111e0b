import Fleet
import Support

/// What the reconcilers have last said of each object, for those whose verdicts follow from it.
final class ReadinessBoard: Sendable {
    private struct State {
        var clusters: [String: ClusterState] = [:]
        var revision: UInt64 = 0
        var assignments: [String: Bool] = [:]
        var clusterUIDs: [String: String] = [:]
    }
    private let state = Locked(State())

    /// By name of the DataPlane. True where it is news.
    func set(dataPlane name: String, _ new: ClusterState?) -> Bool {
        state.withLock { state in
            guard state.clusters[name] != new else { return false }
            state.clusters[name] = new
            if new == nil { state.clusterUIDs[name] = nil }
            state.revision += 1
            return true
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

    /// Moves with every change of a data plane's state.
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
            dataPlanes.allSatisfy { state.clusters[$0] != nil }
                && assignments.allSatisfy { state.assignments[$0] != nil }
        }
    }
    subscript(dataPlane name: String) -> ClusterState? { state.withLock { $0.clusters[name] } }
    func isReady(assignment name: String) -> Bool { state.withLock { $0.assignments[name] ?? false } }
}
