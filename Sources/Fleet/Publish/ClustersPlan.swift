import KubeObjects
import Support

/// What the custom resources come to as Flyte's clusters configuration.
public struct ClustersPlan: Sendable {
    /// Whether flyteadmin could use what it finds of a data plane. A missing file keeps it from starting, and so does a
    /// certificate file without a certificate in it.
    public enum Usability: Sendable, Hashable {
        case unknown
        case usable
        case unusable(reason: String, message: String)
    }
    public struct Plane: Sendable {
        public var object: DataPlane
        public var credentials: Usability
        public init(_ object: DataPlane, credentials: Usability) {
            self.object = object
            self.credentials = credentials
        }
    }

    public private(set) var configuration = ClustersConfiguration()
    /// Left out of the map for not being Available.
    public private(set) var withdrawn: Set<String> = []
    /// By label, what has left it for that reason.
    public private(set) var withdrawnEntries: [String: [Placement.Dropped]] = [:]
    /// Data planes that can't be published, by cluster, with the reason.
    public private(set) var leftOut: [String: String] = [:]
    /// Labels that flyteadmin will not find, with why.
    public private(set) var lostLabels: [String: String] = [:]
    /// What keeps this from being published: the last good state stays in force.
    public private(set) var problems: [String] = []
    /// What users should know although it is published.
    public private(set) var notes: [String] = []
    /// Data planes of which it isn't known yet whether they can be published.
    public private(set) var undetermined: [String] = []
    /// When to look again because of the time alone.
    public private(set) var lookAgain: Instant?

    /// - Parameters:
    ///   - malformed: objects that can't be read at all, with why: what they say is not known.
    ///   - published: what is there now; nil where there is nothing.
    public init(
        registry: ClusterRegistrySpec, planes: [Plane], labels: [ExecutionLabel], malformed: [String] = [],
        published: PublishedClusters? = nil, now: Instant
    ) {
        problems = malformed
        let publish = registry.publish ?? Publish()
        addClusters(planes, path: publish.credentialsPath)
        addLabels(labels)
        configuration.defaultExecutionLabel = registry.defaultExecutionLabel
        if publish.healthAware.enabled { withdraw(planes, publish, published, now) }
        noteCondition(publish.healthAware)
        if !configuration.clusters.contains(where: \.enabled), undetermined.isEmpty {
            problems.append("no enabled data plane can be published, and flyteadmin does not start without one")
        }
        keepLastClusters(published)
        noteLabels()
    }

    private mutating func addClusters(_ planes: [Plane], path: String) {
        var owners: [String: String] = [:]
        for plane in planes.sorted(by: { Seniority($0.object.metadata) < Seniority($1.object.metadata) }) {
            let object = plane.object
            let name = object.clusterName
            // flyteadmin does not start with a name that is there twice.
            if let owner = owners.updateValue(object.metadata.name, forKey: name) {
                owners[name] = owner
                notes.append("DataPlane \(object.metadata.name): \(owner) is older and has the clusterName \(name)")
                continue
            }
            if let problem = object.spec.problems().first {
                problems.append("DataPlane \(object.metadata.name): \(problem)")
                continue
            }
            switch plane.credentials {
            case .usable:
                configuration.clusters.append(
                    .init(name: name, enabled: object.spec.enabled, access: Self.access(object, path)))
            case .unknown: undetermined.append(object.metadata.name)
            case .unusable where !object.spec.enabled: leftOut[name] = Reason.disabled
            case .unusable(let reason, let message):
                leftOut[name] = reason
                notes.append("\(name) is left out: \(reason): \(message)")
            }
        }
        configuration.clusters.sort { $0.name < $1.name }
    }

    private static func access(_ object: DataPlane, _ path: String) -> ClustersConfiguration.Cluster.Access {
        guard !object.spec.inCluster else { return .inCluster }
        let folder = path.hasSuffix("/") ? String(path.dropLast()) : path
        let entries = PublishedCredentials(of: object)
        return .remote(
            endpoint: object.spec.endpoint ?? "", tokenPath: "\(folder)/\(entries.tokenKey)",
            certPath: "\(folder)/\(entries.caCertKey)")
    }

    private mutating func addLabels(_ labels: [ExecutionLabel]) {
        // Which clusters there are changes nothing about which object a label goes by.
        for (name, verdict) in LabelVerdicts.all(labels, clusters: [:]).sorted(by: { $0.key < $1.key }) {
            if verdict.isInForce {
                configuration.labels[verdict.label] = verdict.clusters.map { .init(id: $0.name, weight: $0.weight) }
            } else if verdict.ready.reason != LabelReason.duplicateLabel.rawValue {
                problems.append("ExecutionLabel \(name): \(verdict.ready.reason): \(verdict.ready.message)")
            }
        }
        let lost = LabelKeys.lost(configuration.labels.keys)
        lostLabels = lost.reasons
        for label in lost.displaced { configuration.labels[label] = nil }
    }

    private mutating func withdraw(
        _ planes: [Plane], _ publish: Publish, _ published: PublishedClusters?, _ now: Instant
    ) {
        var health: [String: HealthAwareMap.Health] = [:]
        let enabled = Set(configuration.clusters.filter(\.enabled).map(\.name))
        // Of two with one name the published one counts: the other one is never Available.
        for (name, object) in Seniority.oldest(planes.map(\.object), by: \.clusterName) where enabled.contains(name) {
            guard let condition = object.status?.availability else { continue }
            health[name] = .init(available: condition.status, since: condition.lastTransitionTime.instant)
        }
        let map = HealthAwareMap(
            graceSeconds: Double(publish.healthAware.graceSeconds),
            minIntervalSeconds: Double(publish.minIntervalSeconds))
        (withdrawn, lookAgain) = map.withdrawn(
            before: published?.withdrawn ?? [], health: health, changed: published?.time?.instant, now: now)
        for (label, entries) in configuration.labels {
            guard let rest = HealthAwareMap.entries(entries, without: withdrawn, usable: enabled) else { continue }
            configuration.labels[label] = rest
            withdrawnEntries[label] = entries.filter { withdrawn.contains($0.id) }.map {
                .init(cluster: $0.id, reason: ExecutionLabelStatus.Cluster.State.notReady.rawValue)
            }
        }
        for (label, gone) in withdrawnEntries.sorted(by: { $0.key < $1.key }) {
            notes.append("out of \(label) for not being Available: \(gone.map(\.cluster).sorted().listed())")
        }
    }

    /// Executions of a label without clusters go anywhere. Broken credentials must not do that to a label that works:
    /// then nothing is published until they are mended.
    private mutating func keepLastClusters(_ published: PublishedClusters?) {
        guard let before = published?.configuration else { return }
        for label in configuration.labels.keys.sorted()
        where !before.usableClusters(of: label).isEmpty && configuration.usableClusters(of: label).isEmpty {
            let missing = (configuration.labels[label] ?? []).map(\.id).filter {
                leftOut[$0] != nil && leftOut[$0] != Reason.disabled
            }
            guard let first = missing.first else { continue }
            problems.append(
                "the label \(label) would lose its last cluster \(first) (\(leftOut[first] ?? "")): its executions "
                    + "would go anywhere. Don't restart flyteadmin before the credentials are back")
        }
    }

    private mutating func noteCondition(_ healthAware: Publish.HealthAware) {
        guard healthAware.enabled, healthAware.condition == .flyteReady else { return }
        notes.append(
            "spec.publish.healthAware.condition is FlyteReady, which this version does not find out: Available decides")
    }

    private mutating func noteLabels() {
        for (_, reason) in lostLabels.sorted(by: { $0.key < $1.key }) { notes.append(reason) }
        let fallback = configuration.defaultExecutionLabel
        if !fallback.isEmpty, configuration.labels[fallback] == nil {
            notes.append("no ExecutionLabel has the defaultExecutionLabel \(fallback)")
        }
    }
}
