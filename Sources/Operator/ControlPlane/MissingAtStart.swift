import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

/// Reports kinds that are missing when a leader begins. Without any one of them nothing can be planned, so nothing is
/// done anywhere until it is back. The registry's status says why.
struct MissingAtStart: Sendable {
    let caches: Caches
    let writer: StatusWriter
    let wallClock: WallClock

    /// Runs until the task is cancelled.
    func tell() async {
        let news = Signal()
        let end = caches.missingKinds.observers.subscribe { news.advance() }
        defer { end() }
        while !Task.isCancelled {
            let seen = news.generation
            if let summary = caches.missingKinds.summary,
                let registry = caches.registries.valid()[ClusterRegistry.theName]
            {
                // A failed write is tried again in a moment.
                try? await writer.write(status(summary, of: registry), of: writer.newest(registry))
            }
            await news.wait(past: seen, until: Timeline.continuous.now + Delay.nextLookAtMissingKinds, on: .continuous)
        }
    }

    /// The registry's status with only its `Ready` changed.
    private func status(_ summary: String, of registry: ClusterRegistry) -> ClusterRegistryStatus {
        var status = registry.status ?? ClusterRegistryStatus()
        let verdict = ConditionVerdict(.ready, .isFalse, Reason.kindMissing, summary)
        let conditions = [verdict].conditions(
            previous: status.conditions, generation: registry.metadata.generation, now: wallClock.now)
        let types = Set(conditions.map(\.type)).union([
            ConditionType.reconciling.rawValue, ConditionType.stalled.rawValue,
        ])
        status.conditions = status.conditions.filter { !types.contains($0.type) } + conditions
        return status
    }
}
