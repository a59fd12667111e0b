import KubeObjects
import Support

/// Decides which clusters are left out of `labelClusterMap` because they are not Available, since flyteadmin itself
/// doesn't look at that.
///
/// It is damped, since each change costs a rollout. A cluster leaves after the grace period without Available, and
/// returns after the grace period with it. All changes within an interval are made together. Earlier decisions are an
/// argument, so that a restart of the operator does not decide again.
public struct HealthAwareMap: Sendable, Hashable {
    public struct Health: Sendable, Hashable {
        public var available: Condition.Status
        public var since: Instant
        public init(available: Condition.Status, since: Instant) {
            self.available = available
            self.since = since
        }
    }
    public var graceSeconds: Double
    public var minIntervalSeconds: Double

    public init(graceSeconds: Double, minIntervalSeconds: Double) {
        self.graceSeconds = graceSeconds
        self.minIntervalSeconds = minIntervalSeconds
    }

    /// - Parameters:
    ///   - before: the clusters that are left out now.
    ///   - health: the health of the enabled clusters. A cluster without an entry is not left out. One that is Unknown
    /// stays as it is.
    ///   - changed: when the map last changed.
    /// - Returns: the clusters to leave out, and when to look again only because time has passed.
    public func withdrawn(
        before: Set<String>, health: [String: Health], changed: Instant?, now: Instant
    ) -> (clusters: Set<String>, lookAgain: Instant?) {
        var next: Set<String> = []
        var lookAgain: Instant?
        func wait(until time: Instant) { lookAgain = min(lookAgain ?? time, time) }
        for (cluster, health) in health {
            let wasOut = before.contains(cluster)
            let isDue = wasOut ? health.available == .isTrue : health.available == .isFalse
            let time = health.since + graceSeconds
            if isDue, now < time { wait(until: time) }
            if wasOut != (isDue && now >= time) { next.insert(cluster) }
        }
        // A cluster that was disabled or deleted is in neither set: that is the user's change.
        guard next != before.intersection(health.keys) else { return (next, lookAgain) }
        // A time in the future comes from another clock, so it is ignored.
        if let changed, changed <= now, case let time = changed + minIntervalSeconds, now < time {
            wait(until: time)
            return (before.intersection(health.keys), lookAgain)
        }
        return (next, lookAgain)
    }

    /// The entries of a label without those clusters. The other weights are rescaled to the sum 1. Nil if nothing
    /// changes, or if no usable cluster would remain.
    static func entries(
        _ entries: [ClustersConfiguration.Entry], without clusters: Set<String>, usable: Set<String>
    ) -> [ClustersConfiguration.Entry]? {
        let rest = entries.filter { !clusters.contains($0.id) }
        guard rest.count < entries.count, rest.contains(where: { $0.weight > 0 && usable.contains($0.id) }) else {
            return nil
        }
        let sum = rest.reduce(0) { $0 + $1.weight }
        return rest.map { .init(id: $0.id, weight: min(1, $0.weight / sum)) }
    }
}
