import Fleet
import JSON
import KubeObjects
import Support

/// What flyteadmin reads in the control plane's namespace, and how far its Deployments have taken it over. A pure
/// value.
struct FlyteAdminFacts: Sendable {
    /// A key of a ConfigMap that has a clusters configuration.
    struct File: Sendable, Hashable {
        var map: String
        var key: String
        var configuration: ClustersConfiguration
        var place: String { "ConfigMap \(map), key \(key)" }

        /// The names of the files that flyteadmin reads for it: entries of `cluster-credentials`.
        var entries: Set<String> {
            configuration.clusters.reduce(into: []) { names, cluster in
                guard case .remote(_, let token, let certificate) = cluster.access else { return }
                for path in [token, certificate] where !path.isEmpty {
                    names.insert(path.split(separator: "/").last.map(String.init) ?? path)
                }
            }
        }
    }
    /// How far flyteadmin's Deployments have read what is published.
    enum Rollout: Sendable, Hashable {
        /// All have read it: since when, if that is known.
        case done(since: Instant?)
        case waits(String)
        /// Nothing restarts them: the next Deployment to restart.
        case needsRestart(String)
        /// No known Deployment here reads it.
        case noReaders
    }

    /// Nil if there is none, or if it can't be read.
    var registry: ClusterRegistrySpec?
    /// The registry's conditions.
    var conditions: [Condition] = []
    var files: [File] = []
    /// The key that Squadron writes. Nil if none is configured, or if it does not exist yet.
    var published: PublishedClusters?
    var deployments: [Deployment] = []
    /// When a Deployment's rollout last progressed, according to the Deployment controller.
    var progress: [String: Instant] = [:]
    /// The Deployments whose pods mount a ConfigMap or Secret, by its name with `configmap/` or `secret/` in front.
    var mounts: [String: [String]] = [:]

    /// The key that Squadron writes.
    var target: KeyReference? { registry?.publish?.clustersConfigMap }

    /// The operator writes the key and restarts its readers.
    var isKept: Bool { target != nil && registry?.mode != .observe }
    private var isRestarted: Bool { isKept && !(registry?.publish?.restart.isEmpty ?? true) }

    /// The files that are not Squadron's.
    var others: [File] { files.filter { $0.map != target?.name || $0.key != target?.key } }

    func entry(of cluster: String) -> ClustersConfiguration.Cluster? {
        published?.configuration?.clusters.first { $0.name == cluster }
    }

    /// The files that name an entry of `cluster-credentials`.
    func files(naming entry: String) -> [File] { files.filter { $0.entries.contains(entry) } }

    private func deployment(_ name: String) -> Deployment? { deployments.first { $0.metadata.name == name } }

    // MARK: The rollout of what is published

    /// - Parameter checksum: of the text that they must have read. Nil: the checksum that the operator noted when it
    ///   wrote.
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
        // The Deployment controller's time, or the operator's, which may be up to two seconds later.
        let times = (registry?.publish?.restart ?? []).compactMap { progress[$0.name] }
        let isKnown = times.count == registry?.publish?.restart.count
        return .done(since: isKnown ? times.max() : condition.lastTransitionTime.instant + -2)
    }

    // MARK: The rollout of an entry of the Secret

    /// - Parameters:
    /// - mark: what this command notes on a Deployment that it has restarted.
    /// - checksum: of what is published, with the present entries.
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

    /// One Deployment after the other: the next is restarted once this one is available.
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

    /// The condition's message. Empty if the operator has not written one.
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
