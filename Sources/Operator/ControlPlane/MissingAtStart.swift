import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

/// Reports kinds that are missing when a leader begins. Without any one of them nothing can be planned, so nothing is
/// done anywhere until it is back. The registry's status says why.
struct MissingAtStart: Sendable {
    let informers: Informers
    let writer: StatusWriter
    let wallClock: WallClock

    /// Runs until the task is cancelled.
    func tell() async {
        let news = Signal()
        let end = informers.missingKinds.observers.subscribe { news.advance() }
        defer { end() }
        while !Task.isCancelled {
            let seen = news.generation
            if let summary = informers.missingKinds.summary,
                let registry = informers.registries.valid()[ClusterRegistry.theName]
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
        let finding = ConditionFinding(.ready, .isFalse, Reason.kindMissing, summary)
        let conditions = [finding].conditions(
            previous: status.conditions, generation: registry.metadata.generation, now: wallClock.now)
        let types = Set(conditions.map(\.type)).union([
            ConditionType.reconciling.rawValue, ConditionType.stalled.rawValue,
        ])
        status.conditions = status.conditions.filter { !types.contains($0.type) } + conditions
        return status
    }
}
