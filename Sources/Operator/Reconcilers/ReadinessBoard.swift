import Fleet
import Support

/// What the reconcilers have last said of each object, for those whose verdicts follow from it.
final class ReadinessBoard: Sendable {
    private struct State {
        var clusters: [String: ClusterState] = [:]
        var revision: UInt64 = 0
        var assignments: [String: Bool] = [:]
    }
    private let state = Locked(State())

    /// By name of the DataPlane. True where it is news.
    func set(dataPlane name: String, _ new: ClusterState?) -> Bool {
        state.withLock { state in
            guard state.clusters[name] != new else { return false }
            state.clusters[name] = new
            state.revision += 1
            return true
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

    subscript(dataPlane name: String) -> ClusterState? { state.withLock { $0.clusters[name] } }
    func isReady(assignment name: String) -> Bool { state.withLock { $0.assignments[name] ?? false } }
}
