import ControlLoop
import Fleet
import KubeObjects
import Support

/// What is remembered of publishing between two reconciles.
final class PublishingMemory: Sendable {
    struct Result: Sendable, Hashable {
        var publishing: RegistryFacts.Publishing
        var rollout: RegistryFacts.Rollout
        /// The labels that flyteadmin will not find, each with the reason.
        var lostLabels: [String: String] = [:]
        /// Remarks for users, by the reason of their event.
        var remarks: [String: String] = [:]
        /// The generation of the registry that asked for it.
        var generation: Int64?
    }
    private struct State {
        var result: Result?
        var checksum: (text: String, since: Duration)?
        /// By name of the ConfigMap.
        var maps = OwnWrites<String, (content: PublishedClusters, time: Duration)>()
        /// By name of the Deployment.
        var deployments = OwnWrites<String, Deployment>()
        /// Since when the credentials of each cluster have been away, for clusters whose entries stay.
        var away: [String: Duration] = [:]
        var running = RunningLabels.unknown
    }
    /// The labels that flyteadmin runs with.
    enum RunningLabels: Sendable, Hashable {
        /// Before the first reconcile.
        case unknown
        /// Squadron does not restart flyteadmin, so nobody can tell. Rows then wait for nothing.
        case all
        /// The labels of the last complete rollout. Empty while they are not known.
        case known(Set<String>)
    }
    private let state = Locked(State())
    /// For how many seconds a label's last entry stays as it is while its credentials are away. Nil for a minute.
    let patience: Double?

    init(patience: Double? = nil) { self.patience = patience }

    /// Nil before the first reconcile with a result.
    var result: Result? { state.withLock { $0.result } }

    /// Returns the former result.
    func set(_ new: Result) -> Result? {
        state.withLock { state in
            defer { state.result = new }
            return state.result
        }
    }

    /// The time in seconds for each cluster.
    func away(now: Duration) -> [String: Double] {
        state.withLock { $0.away.mapValues { (now - $0).seconds } }
    }
    func set(away clusters: Set<String>, now: Duration) {
        state.withLock { state in
            state.away = clusters.reduce(into: [:]) { $0[$1] = state.away[$1] ?? now }
        }
    }

    var running: RunningLabels { state.withLock { $0.running } }
    /// True if that is new.
    func set(running: RunningLabels) -> Bool {
        state.withLock { state in
            defer { state.running = running }
            return state.running != running
        }
    }

    /// Since when that checksum has been wanted.
    func since(_ checksum: String, now: Duration) -> Duration {
        state.withLock { state in
            if let known = state.checksum, known.text == checksum { return known.since }
            state.checksum = (checksum, now)
            return now
        }
    }

    // MARK: Our own writes, until the watches have come to them

    func wrote(_ name: String, version: UInt64?, _ content: PublishedClusters, now: Duration) {
        state.withLock { $0.maps.wrote((content, now), name, version: version) }
    }
    func wrote(_ object: Deployment) {
        state.withLock { $0.deployments.wrote(object, object.metadata.name, version: object.metadata.versionNumber) }
    }

    func newest(_ map: ConfigMap, key: String) -> PublishedClusters {
        let (name, version) = (map.metadata.name, map.metadata.versionNumber)
        return state.withLock { $0.maps.newest(name, shown: version) }?.content ?? PublishedClusters(map, key: key)
    }
    /// For a ConfigMap that the watch does not show: our own write of a moment ago.
    /// - Returns: also for how many seconds to believe that write.
    func justWritten(_ name: String, now: Duration) -> (PublishedClusters, Double)? {
        guard let own = state.withLock({ $0.maps.last(name)?.value }) else { return nil }
        let rest = Delay.beliefInOwnWrite - (now - own.time)
        return rest > .zero ? (own.content, rest.seconds) : nil
    }
    func newest(_ object: Deployment) -> Deployment {
        state.withLock { $0.deployments.newest(object.metadata.name, shown: object.metadata.versionNumber) } ?? object
    }
}
