import Crypto
import KubeObjects
import Support

/// When to restart which Deployment, so that it reads what is published. The only memory is in annotations of the
/// Deployments' pod templates, so a new operator continues where the one before stopped.
public enum RolloutPlan {
    /// What the pods have read: `ClustersChecksum`.
    public static let checksumAnnotation = FleetGroup.name + "/clusters-checksum"
    public static let timeAnnotation = FleetGroup.name + "/restarted-at"

    public struct Workload: Sendable {
        public enum Reading: Sendable {
            case unknown
            case absent
            case unreadable(String)
            case present(Deployment)
        }
        public var name: String
        public var reading: Reading
        public init(_ name: String, _ reading: Reading) {
            self.name = name
            self.reading = reading
        }
    }

    public enum Step: Sendable, Hashable {
        /// All have read it and are available.
        case done(String)
        /// Wait until this time. Nil: until something changes.
        case wait(String, until: Instant?)
        /// The state of a Deployment is not known yet.
        case unknown
        /// It will not continue by itself.
        case failed(String)
        /// It would not start again, so it is not restarted. The text says why, and what to do.
        case held(String)
        case restart(String, annotations: [String: String])
    }

    /// Restarts one after the other, in the order of the registry. The next one waits until this one is available.
    ///
    /// - Parameters:
    ///   - minInterval: the seconds between two restarts of a Deployment.
    ///   - dead: the enabled clusters that are not Available.
    public static func next(
        _ workloads: [Workload], checksum: String, minInterval: Double, dead: [String] = [], now: Instant
    ) -> Step {
        for workload in workloads {
            switch workload.reading {
            case .unknown: return .unknown
            case .absent: return .failed("Deployment \(workload.name) does not exist")
            case .unreadable(let text): return .failed("Deployment \(workload.name) can't be read: \(text)")
            case .present(let deployment):
                if let step = step(workload.name, deployment, checksum, minInterval, now) {
                    guard case .restart = step, let why = hold(workload.name, deployment, dead) else { return step }
                    return .held("Deployment \(workload.name) is not restarted: \(why)")
                }
            }
        }
        let names = workloads.map(\.name).listed()
        let warnings = workloads.compactMap { workload -> String? in
            guard case .present(let deployment) = workload.reading else { return nil }
            return hold(workload.name, deployment, dead).map { "; don't restart \(workload.name) now: \($0)" }
        }
        return .done("restarted and available: \(names)" + warnings.joined())
    }

    /// Why the Deployment's pods would not start. Flyte's chart gives flyteadmin an init container that visits all
    /// enabled clusters, and fails if one of them fails.
    package static func hold(_ name: String, _ deployment: Deployment, _ dead: [String]) -> String? {
        guard !dead.isEmpty, let container = deployment.initContainers.first(where: \.syncsClusters) else { return nil }
        let clusters = dead.sorted().listed()
        return
            "its init container \(container.name) fails while \(clusters) can't be reached or used, so that it would not "
            + "start. Mend or cordon \(clusters), or turn the chart's cluster_resource_manager off, which takes that "
            + "container away"
    }

    /// Nil if this one is done, so that the next one follows.
    private static func step(
        _ name: String, _ deployment: Deployment, _ checksum: String, _ minInterval: Double, _ now: Instant
    ) -> Step? {
        if deployment.templateAnnotations[checksumAnnotation] == checksum {
            switch deployment.rollout {
            case .complete: return nil
            case .progressing(let text): return .wait("Deployment \(name): \(text)", until: nil)
            case .failed(let text): return .failed("Deployment \(name): \(text)")
            }
        }
        if deployment.isPaused { return .failed("Deployment \(name) is paused: `kubectl rollout resume` it") }
        let last = deployment.templateAnnotations[timeAnnotation].flatMap { Timestamp($0) }?.instant
        // A time in the future comes from another clock and does not count.
        if let last, last <= now, case let due = last + minInterval, now < due {
            return .wait("Deployment \(name) is restarted at \(Timestamp(due + 1)), not before", until: due)
        }
        // A running rollout may finish. A stuck one is not waited for, since what it has read may be the cause. Nor do
        // we wait for replicas that are missing for another reason.
        if deployment.isRollingOut, case .progressing(let text) = deployment.rollout {
            return .wait("Deployment \(name), before it is restarted: \(text)", until: nil)
        }
        return .restart(
            name, annotations: [checksumAnnotation: checksum, timeAnnotation: Timestamp(now).description])
    }
}

extension Deployment.InitContainer {
    /// Whether it runs `flyteadmin clusterresource sync`.
    fileprivate var syncsClusters: Bool {
        // One word may be a whole script.
        let all = words.joined(separator: " ").split(whereSeparator: \.isWhitespace)
        return zip(all, all.dropFirst()).contains { $0 == "clusterresource" && $1.hasPrefix("sync") }
    }
}

extension Deployment {
    /// Whether another template is being rolled out, by the Deployment controller's own account. These are the reasons
    /// of `Progressing` in `pkg/controller/deployment/util` of Kubernetes, without `NewReplicaSetAvailable` and
    /// `ProgressDeadlineExceeded`.
    fileprivate var isRollingOut: Bool {
        if let generation = metadata.generation, status.observedGeneration < generation { return true }
        let reason = status.conditions.first { $0.type == "Progressing" }?.reason ?? ""
        return ["NewReplicaSetCreated", "FoundNewReplicaSet", "ReplicaSetUpdated"].contains(reason)
    }
}

/// A checksum of everything that flyteadmin reads when it starts: the configuration, and the credential files that it
/// names.
///
/// It is a SHA-256 in a Deployment that many may read. The credentials in it are too random to be guessed from it.
public struct ClustersChecksum {
    private var hash = SHA256()

    public init(_ configuration: ClustersConfiguration, published: Timestamp?) {
        add(Array(configuration.yaml.utf8))
        add(Array((published?.description ?? "").utf8))
    }

    /// The checksum of what is published and of the entries that it names.
    ///
    /// - Parameters:
    ///   - planes: the usable ones.
    ///   - entries: the entries of the Secret that flyteadmin has mounted. Nil if there is none.
    public static func text(
        _ configuration: ClustersConfiguration, published: Timestamp?, planes: some Sequence<DataPlane>,
        entries: [String: Sensitive]?
    ) -> String {
        var checksum = ClustersChecksum(configuration, published: published)
        let objects = Seniority.oldest(planes, by: \.clusterName)
        for cluster in configuration.clusters {
            guard case .remote = cluster.access, let object = objects[cluster.name], let entries else { continue }
            let names = PublishedCredentials(of: object)
            checksum.add(entries[names.tokenKey])
            checksum.add(entries[names.caCertKey])
        }
        return checksum.text
    }

    /// Call it in the order of the configuration's clusters. Nil: there is no such entry.
    public mutating func add(_ credential: Sensitive?) {
        add(credential?.withBytes { Array($0) } ?? [])
    }

    public var text: String {
        hash.finalize().map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }

    /// The length comes first, so that bytes that move from one entry to the next change the checksum.
    private mutating func add(_ bytes: [UInt8]) {
        withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { hash.update(bufferPointer: $0) }
        bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
    }
}
