import Crypto
import KubeObjects
import Support

/// When which Deployment is restarted, so that it reads what is published. All that is remembered is in annotations of
/// the Deployments' pod templates: a new operator goes on where the one before was.
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
        /// Until then, or, where it is nil, until something changes.
        case wait(String, until: Instant?)
        /// Not known yet how a Deployment is.
        case unknown
        /// It will not get on by itself.
        case failed(String)
        /// It would not start again, so it is not restarted: why, and what to do.
        case held(String)
        case restart(String, annotations: [String: String])
    }

    /// One after the other, in the order of the registry: the next is not touched before this one is available.
    ///
    /// - Parameters:
    ///   - minInterval: in seconds, between two restarts of a Deployment.
    ///   - dead: the enabled clusters that can't be worked with.
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

    /// Why the Deployment's pods would not start. Flyte's chart gives flyteadmin an init container that goes through all
    /// enabled clusters, and fails where one of them does.
    package static func hold(_ name: String, _ deployment: Deployment, _ dead: [String]) -> String? {
        guard !dead.isEmpty, let container = deployment.initContainers.first(where: \.syncsClusters) else { return nil }
        let clusters = dead.sorted().listed()
        return
            "its init container \(container.name) fails while \(clusters) can't be worked with, so that it would not "
            + "start. Mend or cordon \(clusters), or turn the chart's cluster_resource_manager off, which takes that "
            + "container away"
    }

    /// Nil where the next one's turn is.
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
        // A time to come is another clock's: it says nothing.
        if let last, last <= now, case let due = last + minInterval, now < due {
            return .wait("Deployment \(name) is restarted at \(Timestamp(due + 1)), not before", until: due)
        }
        // A rollout that goes on is let finish. One that is stuck is not: what it is stuck at may be what it has read; nor
        // are replicas waited for that are away for another reason.
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
    /// Another template is on its way, by the Deployment controller's own account: the reasons of `Progressing` in
    /// `pkg/controller/deployment/util` of Kubernetes, but for `NewReplicaSetAvailable` and `ProgressDeadlineExceeded`.
    fileprivate var isRollingOut: Bool {
        if let generation = metadata.generation, status.observedGeneration < generation { return true }
        let reason = status.conditions.first { $0.type == "Progressing" }?.reason ?? ""
        return ["NewReplicaSetCreated", "FoundNewReplicaSet", "ReplicaSetUpdated"].contains(reason)
    }
}

/// Of all that flyteadmin reads at its start: the configuration and the credential files that it names.
///
/// SHA-256, in a Deployment that many may read: the credentials in it are too random to be guessed from it.
public struct ClustersChecksum {
    private var hash = SHA256()

    public init(_ configuration: ClustersConfiguration, published: Timestamp?) {
        add(Array(configuration.yaml.utf8))
        add(Array((published?.description ?? "").utf8))
    }

    /// Of what is published and the entries that it names.
    ///
    /// - Parameters:
    ///   - planes: those that can be used.
    ///   - entries: of the Secret that flyteadmin has mounted; nil where there is none.
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

    /// In the order of the configuration's clusters. Nil: there is no such entry.
    public mutating func add(_ credential: Sensitive?) {
        add(credential?.withBytes { Array($0) } ?? [])
    }

    public var text: String {
        hash.finalize().map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }

    /// With its length before it, so that what moves from one entry to the next is another sum.
    private mutating func add(_ bytes: [UInt8]) {
        withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { hash.update(bufferPointer: $0) }
        bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
    }
}
