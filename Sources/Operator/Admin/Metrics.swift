import Support

/// Counters of the operator. Every series exists from the start; gauges are read when they are asked for (`MetricsPage`).
final class Metrics: Sendable {
    enum WriteResult: String, Sendable, Hashable, CaseIterable { case applied, deleted, failed }
    private struct State {
        var writes: [String: [WriteResult: UInt64]] = [:]
    }
    private let state = Locked(State())

    init() {}

    func wrote(_ dataPlane: String, _ result: WriteResult) {
        state.withLock { $0.writes[dataPlane, default: [:]][result, default: 0] += 1 }
    }

    var writes: [String: [WriteResult: UInt64]] { state.withLock { $0.writes } }
}
