import Fleet
import JSON
import KubeObjects
import Support

/// What flyteadmin reads in the control plane's namespace, and how far its Deployments are with it. A pure value.
struct FlyteAdminSight: Sendable {
    /// A key of a ConfigMap that has a clusters configuration.
    struct File: Sendable, Hashable {
        var map: String
        var key: String
        var configuration: ClustersConfiguration
        var place: String { "ConfigMap \(map), key \(key)" }

        /// The names of the files that it has flyteadmin read: entries of `cluster-credentials`.
        var entries: Set<String> {
            configuration.clusters.reduce(into: []) { names, cluster in
                guard case .remote(_, let token, let certificate) = cluster.access else { return }
                for path in [token, certificate] where !path.isEmpty {
                    names.insert(path.split(separator: "/").last.map(String.init) ?? path)
                }
            }
        }
    }
    /// How far flyteadmin's Deployments are with what is published.
    enum Rollout: Sendable, Hashable {
        /// All run with it: since when, where that is known.
        case done(since: Instant?)
        case waits(String)
        /// Nobody restarts them: the next one to restart.
        case needsRestart(String)
        /// No Deployment here is known to read it.
        case noReaders
    }

    /// Nil where there is none, or it can't be read.
    var registry: ClusterRegistrySpec?
    /// Its conditions.
    var conditions: [Condition] = []
    var files: [File] = []
    /// The key that Squadron writes; nil where none is configured, or it is not there yet.
    var published: PublishedClusters?
    var deployments: [Deployment] = []
    /// By Deployment: when its rollout last got on, by the Deployment controller's account.
    var progress: [String: Instant] = [:]
    /// By the name of a ConfigMap or Secret, with `configmap/` or `secret/` before it: the Deployments whose pods mount it.
    var mounts: [String: [String]] = [:]

    /// The key that Squadron writes.
    var target: KeyReference? { registry?.publish?.clustersConfigMap }

    /// The operator writes it and restarts what reads it.
    var isKept: Bool { target != nil && registry?.mode != .observe }
    private var isRestarted: Bool { isKept && !(registry?.publish?.restart.isEmpty ?? true) }

    /// Files that are not Squadron's.
    var others: [File] { files.filter { $0.map != target?.name || $0.key != target?.key } }

    func entry(of cluster: String) -> ClustersConfiguration.Cluster? {
        published?.configuration?.clusters.first { $0.name == cluster }
    }

    /// The files that name an entry of `cluster-credentials`.
    func files(naming entry: String) -> [File] { files.filter { $0.entries.contains(entry) } }

    private func deployment(_ name: String) -> Deployment? { deployments.first { $0.metadata.name == name } }

    // MARK: With what is published

    /// - Parameter checksum: of what they are to have read; nil: of what the operator noted when it wrote.
    func rollout(checksum: String? = nil) -> Rollout {
        guard isKept, let published else { return .noReaders }
        if isRestarted { return restartedByOperator(checksum ?? published.checksum) }
        let readers = (mounts["configmap/\(target?.name ?? "")"] ?? []).compactMap(deployment)
        if readers.isEmpty { return .noReaders }
        return restartedByHand(readers) { reader in
            guard let time = reader.restartTime else { return false }
            return published.time.map { time > $0.instant } ?? true
        }
    }

    private func restartedByOperator(_ checksum: String?) -> Rollout {
        guard let checksum, checksum == published?.checksum else {
            return .waits("the operator has not published the present state yet" + told(.published))
        }
        for name in (registry?.publish?.restart ?? []).map(\.name) {
            guard let deployment = deployment(name) else {
                return .waits("Deployment \(name), which spec.publish.restart names, is not there")
            }
            if deployment.templateAnnotations[RolloutPlan.checksumAnnotation] != checksum {
                return .waits("the operator restarts Deployment \(name)" + told(.rolledOut))
            }
            if let text = deployment.notComplete { return .waits(text) }
        }
        guard let condition = conditions.first(where: { $0.type == ConditionType.rolledOut.rawValue }),
            condition.status == .isTrue
        else { return .waits("the registry is not RolledOut yet" + told(.rolledOut)) }
        // The Deployment controller's own account; else the operator's, which says it up to two seconds later.
        let times = (registry?.publish?.restart ?? []).compactMap { progress[$0.name] }
        let isKnown = times.count == registry?.publish?.restart.count
        return .done(since: isKnown ? times.max() : condition.lastTransitionTime.instant + -2)
    }

    // MARK: With an entry of the Secret

    /// - Parameters:
    ///   - mark: what this command notes on a Deployment that it has restarted.
    ///   - checksum: of what is published, with the present entries.
    func rollout(ofEntry entry: String, mark: (key: String, value: String), checksum: String?) -> Rollout {
        guard !files(naming: entry).isEmpty else { return .done(since: nil) }
        if isRestarted, published.map({ _ in ours(names: entry) }) ?? false { return rollout(checksum: checksum) }
        let readers = (mounts["secret/\(PublishedCredentials.secretName)"] ?? []).compactMap(deployment)
        if readers.isEmpty { return .noReaders }
        return restartedByHand(readers) { $0.templateAnnotations[mark.key] == mark.value }
    }

    private func ours(names entry: String) -> Bool {
        files(naming: entry).contains { $0.map == target?.name && $0.key == target?.key }
    }

    /// One after the other: the next is not touched before this one is available.
    private func restartedByHand(_ readers: [Deployment], _ hasRead: (Deployment) -> Bool) -> Rollout {
        var since: Instant?
        for reader in readers {
            guard hasRead(reader) else { return .needsRestart(reader.metadata.name) }
            if let text = reader.notComplete { return .waits(text) }
            let times = [progress[reader.metadata.name], reader.restartTime, since]
            since = times.compactMap { $0 }.max()
        }
        return .done(since: since)
    }

    /// What the operator says of it; empty where it has said nothing.
    private func told(_ type: ConditionType) -> String {
        guard let condition = conditions.first(where: { $0.type == type.rawValue }), condition.status != .isTrue else {
            return ""
        }
        return " (\(type.rawValue): \(condition.reason): \(condition.message))"
    }
}

extension Deployment {
    /// kubectl's own note of a restart.
    static let restartAnnotation = "kubectl.kubernetes.io/restartedAt"

    fileprivate var restartTime: Instant? {
        [Self.restartAnnotation, RolloutPlan.timeAnnotation].compactMap { templateAnnotations[$0] }
            .compactMap { Timestamp($0)?.instant }.max()
    }

    fileprivate var notComplete: String? {
        switch rollout {
        case .complete: nil
        case .progressing(let text), .failed(let text): "Deployment \(metadata.name): \(text)"
        }
    }
}
