import Fleet
import Support

/// What the reconcilers have last said of each object, for those whose verdicts follow from it.
final class ReadinessBoard: Sendable {
    private struct State {
        var clusters: [String: ClusterState] = [:]
        var labels: [String: Bool] = [:]
        var assignments: [String: Bool] = [:]
    }
    private let state = Locked(State())

    /// By name of the DataPlane. True where it is news.
    func set(dataPlane name: String, _ new: ClusterState?) -> Bool {
        state.withLock { state in
            defer { state.clusters[name] = new }
            return state.clusters[name] != new
        }
    }

    func set(assignment name: String, _ isReady: Bool?) -> Bool {
        state.withLock { state in
            defer { state.assignments[name] = isReady }
            return state.assignments[name] != isReady
        }
    }

    subscript(dataPlane name: String) -> ClusterState? { state.withLock { $0.clusters[name] } }
    func isReady(assignment name: String) -> Bool { state.withLock { $0.assignments[name] ?? false } }
}
