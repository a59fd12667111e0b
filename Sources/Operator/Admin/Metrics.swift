import Support

/// Counters of the operator. Every series exists from the start; gauges are read when they are asked for (`MetricsPage`).
final class Metrics: Sendable {
    enum WriteResult: String, Sendable, Hashable, CaseIterable { case applied, deleted, failed }
    /// What is known of an ExecutionClusterLabel in flyteadmin.
    enum LabelState: String, Sendable, Hashable, CaseIterable { case published, refused, unreachable, held }
    private struct State {
        var labels: [LabelState: Int] = [:]
        var writes: [String: [WriteResult: UInt64]] = [:]
    }
    private let state = Locked(State())

    init() {}

    func wrote(_ dataPlane: String, _ result: WriteResult) {
        state.withLock { $0.writes[dataPlane, default: [:]][result, default: 0] += 1 }
    }

    /// The series of data planes that are gone go with them.
    func retain(_ dataPlanes: Set<String>) {
        state.withLock { state in state.writes = state.writes.filter { dataPlanes.contains($0.key) } }
    }

    var writes: [String: [WriteResult: UInt64]] { state.withLock { $0.writes } }

    func set(labels: [LabelState: Int]) { state.withLock { $0.labels = labels } }
    var labels: [LabelState: Int] { state.withLock { $0.labels } }
}
