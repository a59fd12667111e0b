import Fleet
import KubeObjects
import Support

/// What is known of the publishing, between two looks at it.
final class PublishingBoard: Sendable {
    struct Result: Sendable, Hashable {
        var publishing: RegistryObservation.Publishing
        var rollout: RegistryObservation.Rollout
        /// Labels that flyteadmin will not find, with why.
        var lostLabels: [String: String] = [:]
        /// What else users should know, by the reason of its event.
        var remarks: [String: String] = [:]
        /// Of the registry that asked for it.
        var generation: Int64?
    }
    private struct State {
        var result: Result?
        var checksum: (text: String, since: Duration)?
        var map: (name: String, version: UInt64, content: PublishedClusters, time: Duration)?
        var deployments: [String: (version: UInt64, object: Deployment)] = [:]
        /// Since when the credentials of a cluster whose entry stays have been away.
        var away: [String: Duration] = [:]
        var running = RunningLabels.unknown
    }
    /// The labels that flyteadmin runs with.
    enum RunningLabels: Sendable, Hashable {
        /// Before the first look.
        case unknown
        /// Nobody restarts it for us, so that nobody can tell: rows wait for nothing.
        case all
        /// Those that it had when its rollout was last complete; none while that is not known.
        case known(Set<String>)
    }
    private let state = Locked(State())
    /// For how many seconds a label's last entry stays as it is when its credentials are away; nil: a minute.
    let patience: Double?

    init(patience: Double? = nil) { self.patience = patience }

    /// Nil before the first look that found out something.
    var result: Result? { state.withLock { $0.result } }

    /// The result before.
    func set(_ new: Result) -> Result? {
        state.withLock { state in
            defer { state.result = new }
            return state.result
        }
    }

    /// By cluster, in seconds.
    func away(now: Duration) -> [String: Double] {
        state.withLock { $0.away.mapValues { (now - $0).seconds } }
    }
    func set(away clusters: Set<String>, now: Duration) {
        state.withLock { state in
            state.away = clusters.reduce(into: [:]) { $0[$1] = state.away[$1] ?? now }
        }
    }

    var running: RunningLabels { state.withLock { $0.running } }
    /// True where it is news.
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

    /// Our own write, until the watch has caught up with it.
    func wrote(_ name: String, version: UInt64, _ content: PublishedClusters, now: Duration) {
        state.withLock { $0.map = (name, version, content, now) }
    }
    func wrote(_ object: Deployment) {
        state.withLock { $0.deployments[object.metadata.name] = (object.metadata.versionNumber ?? 0, object) }
    }

    func newest(_ map: ConfigMap, key: String) -> PublishedClusters {
        state.withLock { state in
            if let own = state.map, own.name == map.metadata.name, own.version > map.metadata.versionNumber ?? 0 {
                return own.content
            }
            state.map = nil  // the watch has caught up: from now on it is believed when it shows none
            return PublishedClusters(map, key: key)
        }
    }
    /// For a ConfigMap that the watch doesn't show: what we made a moment ago.
    /// - Returns: also for how many seconds that is to be believed.
    func justWritten(_ name: String, now: Duration) -> (PublishedClusters, Double)? {
        state.withLock { state in
            guard let own = state.map, own.name == name, case let age = now - own.time, age < .seconds(5) else {
                return nil
            }
            return (own.content, (.seconds(5) - age).seconds)
        }
    }
    func newest(_ object: Deployment) -> Deployment {
        state.withLock { state in
            guard let own = state.deployments[object.metadata.name] else { return object }
            if own.version > object.metadata.versionNumber ?? 0 { return own.object }
            state.deployments[object.metadata.name] = nil
            return object
        }
    }
}
