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
    private let wereMissing = Locked(false)

    init(informers: Informers, writer: StatusWriter, wallClock: WallClock) {
        self.informers = informers
        self.writer = writer
        self.wallClock = wallClock
    }

    /// Returns when all custom resources have been listed, and what is published may follow from these lists.
    ///
    /// Somebody who makes a kind again restores its objects a little later. An operator that saw them go remembers them
    /// for a minute (`Departures`). This one can't, so it waits: an empty list would empty labels and delete rows.
    func wait() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await tell() }
            try await informers.ready()
            if lackedKinds, await hasPublished() {
                try await Task.sleep(for: Delay.afterReturnOfKinds)
            }
            group.cancelAll()
        }
    }

    /// Whether a kind was missing a short time ago: for this process, or for one that was stopped while it waited.
    private var lackedKinds: Bool {
        let registry = informers.registries.valid()[ClusterRegistry.theName]
        return wereMissing.withLock { $0 } || registry?.status?.conditions[.ready]?.reason == Reason.kindMissing
    }

    /// Whether an earlier operator may have published something. Its own notes say so, or its key for flyteadmin.
    private func hasPublished() async -> Bool {
        let registry = informers.registries.valid()[ClusterRegistry.theName]
        let clusters = registry?.spec.publish?.clustersConfigMap
        let places = [
            (clusters?.name ?? Publish.defaultConfigMap, clusters?.key ?? Publish.defaultKey),
            (PublishedRows.configMapName, PublishedRows.dataKey),
        ]
        for (name, key) in places {
            do throws(KubeError) {
                let map = try await writer.client.get(ConfigMap.self, namespace: informers.namespace, name: name)
                if !(map.data[key] ?? "").isEmpty { return true }
            } catch {
                // Without the right to read it, it can't have been written.
                if !error.isNotFound, !error.isForbidden { return true }
            }
        }
        return false
    }

    /// Runs until the task is cancelled.
    private func tell() async {
        let news = Signal()
        let end = informers.missingKinds.observers.subscribe { news.advance() }
        defer { end() }
        while !Task.isCancelled {
            let seen = news.generation
            if informers.missingKinds.summary != nil { wereMissing.withLock { $0 = true } }
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
