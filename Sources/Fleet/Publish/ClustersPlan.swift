import KubeObjects
import Support

/// Flyte's clusters configuration, made from the custom resources.
public struct ClustersPlan: Sendable {
    /// Whether flyteadmin could use what it has for a data plane. It does not start if a file is missing, or if a
    /// certificate file has no certificate.
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
    private var cordoned: Set<String> = []
    /// The clusters that are left out of the map because they are not Available.
    public private(set) var withdrawn: Set<String> = []
    /// For each label, the clusters that have left it for that reason.
    public private(set) var withdrawnEntries: [String: [Placement.Dropped]] = [:]
    /// The data planes that can't be published, by cluster, with the reasons.
    public private(set) var leftOut: [String: String] = [:]
    /// The labels that flyteadmin will not find, with the reasons.
    public private(set) var lostLabels: [String: String] = [:]
    /// Why this can't be published. The last good state stays in force.
    public private(set) var problems: [String] = []
    /// The messages for labels that would lose their last cluster. A part of their earlier entries stays.
    public private(set) var wouldBeEmpty: [String] = []
    /// What is wrong although this is published.
    public private(set) var complaint: String?
    /// The clusters whose entries stay without their credentials. The time since then decides about them.
    public private(set) var away: Set<String> = []
    /// Those of them whose entries stay unchanged for now. flyteadmin could not start meanwhile.
    public private(set) var waiting: Set<String> = []
    /// The clusters whose entries send no token, so that flyteadmin can start.
    public private(set) var closed: Set<String> = []
    /// Remarks for users on what is published.
    public private(set) var notes: [String] = []
    /// Data planes for which it is not known yet whether they can be published.
    public private(set) var undetermined: [String] = []
    /// When to look again only because time has passed.
    public private(set) var lookAgain: Instant?

    /// - Parameters:
    ///   - malformed: objects that can't be read at all, with the reasons. Their content is not known.
    ///   - published: the present content. Nil if there is none.
    ///   - files: the files in `cluster-credentials`. Nil for a caller that may not read it.
    ///   - named: the labels that flyteadmin's rows name. Nil while they are not known.
    ///   - away: for each cluster of `away`, for how many seconds its credentials have been away.
    ///   - patience: for how many seconds such an entry stays unchanged. Nil for a minute.
    public init(
        registry: ClusterRegistrySpec, planes: [Plane], labels: [ExecutionLabel], malformed: [String] = [],
        published: PublishedClusters? = nil, files: CredentialFiles? = nil, named: Set<String>? = [],
        away: [String: Double] = [:], patience: Double? = nil, now: Instant
    ) {
        problems = malformed
        let publish = registry.publish ?? Publish()
        addClusters(planes, path: publish.credentialsPath, files)
        addLabels(labels)
        configuration.defaultExecutionLabel = registry.defaultExecutionLabel
        if publish.healthAware.enabled { withdraw(planes, publish, published, now) }
        noteCondition(registry, publish.healthAware)
        if undetermined.isEmpty, let before = published?.configuration {
            var question = KeptEntries.Question(before: before, wanted: configuration)
            question.unusable = leftOut.filter { $0.value != Reason.disabled }
            question.mayBeEmpty = Set(labels.filter(\.mayBeEmpty).map(\.label))
            (question.named, question.files, question.away) = (named, files, away)
            question.patience = patience ?? question.patience
            take(KeptEntries(question), planes, now)
        }
        if !configuration.clusters.contains(where: \.enabled), undetermined.isEmpty {
            problems.append("no enabled data plane can be published, and flyteadmin does not start without one")
        }
        let lost = LabelKeys.lost(configuration.labels.keys)
        lostLabels = lost.reasons
        for label in lost.displaced { configuration.labels[label] = nil }
        noteLabels()
        noteConnections(planes)
    }

    private mutating func addClusters(_ planes: [Plane], path: String, _ files: CredentialFiles?) {
        var owners: [String: String] = [:]
        for plane in planes.sorted(by: { Seniority($0.object.metadata) < Seniority($1.object.metadata) }) {
            let object = plane.object
            let name = object.clusterName
            // flyteadmin does not start with two clusters of one name.
            if let owner = owners.updateValue(object.metadata.name, forKey: name) {
                owners[name] = owner
                notes.append("DataPlane \(object.metadata.name): \(owner) is older and has the clusterName \(name)")
                continue
            }
            if object.isLeaving { continue }
            if let problem = object.spec.problems().first {
                problems.append("DataPlane \(object.metadata.name): \(problem)")
                continue
            }
            // Also without credentials: its entry may stay for a label of which it is the last cluster.
            if object.spec.unschedulable { cordoned.insert(name) }
            switch plane.credentials {
            case .usable:
                let access = Self.access(object, path)
                // Squadron takes a byte order mark, for example, or indented boundaries. Go does not, and flyteadmin
                // does not start with a file in which it finds no certificate.
                if let files, case .remote(_, _, let certPath) = access, files.isUnreadable(certPath) {
                    let reason = CredentialsReason.caCertMalformed.rawValue
                    leftOut[name] = object.spec.enabled ? reason : Reason.disabled
                    notes.append(
                        "\(name) is left out: \(reason): flyteadmin would find no certificate in "
                            + "\(CredentialFiles.name(certPath)), and not start")
                    continue
                }
                // To flyteadmin a cordoned cluster is like a disabled one: it sends no new executions there, and aborts
                // work there.
                let isEnabled = object.spec.enabled && !object.spec.unschedulable
                configuration.clusters.append(
                    .init(
                        name: name, enabled: isEnabled, access: access,
                        client: object.spec.flyteAdmin?.kubeClientConfig))
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
            endpoint: entries.endpoint, tokenPath: "\(folder)/\(entries.tokenKey)",
            certPath: "\(folder)/\(entries.caCertKey)")
    }

    private mutating func addLabels(_ labels: [ExecutionLabel]) {
        let enabled = Set(configuration.clusters.filter(\.enabled).map(\.name))
        // The clusters' states do not affect which object decides about a label.
        for (name, resolved) in LabelResolution.all(labels, clusters: [:]).sorted(by: { $0.key < $1.key }) {
            if resolved.isInForce {
                let entries = resolved.clusters.map { ClustersConfiguration.Entry(id: $0.name, weight: $0.weight) }
                let rest = HealthAwareMap.entries(entries, without: cordoned, usable: enabled)
                configuration.labels[resolved.label] = rest ?? entries
            } else if resolved.ready.reason != LabelReason.duplicateLabel.rawValue {
                problems.append("ExecutionLabel \(name): \(resolved.ready.reason): \(resolved.ready.message)")
            }
        }
    }

    private mutating func withdraw(
        _ planes: [Plane], _ publish: Publish, _ published: PublishedClusters?, _ now: Instant
    ) {
        var health: [String: HealthAwareMap.Health] = [:]
        let enabled = Set(configuration.clusters.filter(\.enabled).map(\.name))
        // If two have one name, the published one is used, since the other is never Available.
        for (name, object) in Seniority.oldest(planes.map(\.object), by: \.clusterName) where enabled.contains(name) {
            health[name] = object.status?.health(by: publish.healthAware.condition)
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
            let condition = publish.healthAware.condition.rawValue
            notes.append("out of \(label) for not being \(condition): \(gone.map(\.cluster).sorted().listed())")
        }
    }

    /// Takes what stays of the published configuration, and reports it.
    private mutating func take(_ kept: KeptEntries, _ planes: [Plane], _ now: Instant) {
        configuration = kept.configuration
        (waiting, closed) = (kept.waiting, kept.closed)
        away = kept.waiting.union(kept.closed).union(kept.hopeless)
        if let seconds = kept.lookAgain { lookAgain = min(lookAgain ?? now + seconds, now + seconds) }
        let objects = Seniority.oldest(planes.map(\.object), by: \.clusterName)
        func why(_ cluster: String) -> String {
            guard let object = objects[cluster] else { return "\(cluster) has no DataPlane" }
            if let reason = leftOut[cluster], reason != Reason.disabled { return "\(cluster): \(reason)" }
            if !object.spec.enabled { return "\(cluster) is disabled" }
            return object.spec.unschedulable ? "\(cluster) is cordoned" : "\(cluster) is no longer in it"
        }
        let rule = "the annotation \(ExecutionLabel.allowEmptyAnnotation): \"true\" on its ExecutionLabel lets it go"
        for (label, clusters) in kept.labels.sorted(by: { $0.key < $1.key }) {
            let reasons = clusters.map(why).listed()
            let text = "label \(label) would lose its last cluster (\(reasons))"
            // A cluster that is deleted, disabled or cordoned is reported at once, whatever becomes of its credentials.
            let isOnlyAway = clusters.allSatisfy { name in
                kept.waiting.contains(name)
                    && objects[name].map { $0.spec.enabled && !$0.spec.unschedulable } ?? false
            }
            if isOnlyAway {
                notes.append("\(text): its entry stays as it was while the credentials are away, for a minute at first")
            } else if clusters.contains(where: kept.closed.contains) {
                wouldBeEmpty.append(
                    "\(text): its entry stays, so that its executions fail instead of going elsewhere; flyteadmin starts, "
                        + "and sends no token there, until the credentials are back; \(rule)")
            } else {
                wouldBeEmpty.append("\(text): its entry stays as it was; \(rule)")
            }
        }
        if !kept.orphans.isEmpty {
            notes.append(
                "without an ExecutionLabel, and published while rows in flyteadmin name them: \(kept.orphans.listed())")
        }
        if !kept.lastClusters.isEmpty {
            let reasons = kept.lastClusters.map(why).listed()
            complaint =
                "no enabled data plane would be left (\(reasons)), and flyteadmin does not start without one: their "
                + "entries stay" + (kept.closed.isEmpty ? "" : ", and send no token")
        }
        if !kept.hopeless.isEmpty {
            problems.append(
                "Secret \(PublishedCredentials.secretName) has no certificates that flyteadmin could start with. Don't "
                    + "restart it before the credentials of \(kept.hopeless.sorted().listed()) are back")
        }
        for name in kept.configuration.clusters.map(\.name) where leftOut[name] != nil {
            notes.removeAll { $0.hasPrefix("\(name) is left out: ") }
            leftOut[name] = nil
        }
    }

    /// A data plane with these settings is reached with them, but flyteadmin has no such settings.
    private mutating func noteConnections(_ planes: [Plane]) {
        let published = Set(configuration.clusters.filter(\.enabled).map(\.name))
        let names = planes.map(\.object).filter { object in
            let connection = object.spec.connection
            return published.contains(object.clusterName) && object.spec.flyteAdmin?.endpoint == nil
                && !(connection.tlsServerName.isEmpty && connection.proxyURL.isEmpty)
        }
        guard !names.isEmpty else { return }
        notes.append(
            "flyteadmin has neither tlsServerName nor proxyURL, which \(names.map(\.clusterName).sorted().listed()) "
                + "has: set spec.flyteAdmin.endpoint where it can't reach the endpoint as it is")
    }

    private mutating func noteCondition(_ registry: ClusterRegistrySpec, _ healthAware: Publish.HealthAware) {
        guard healthAware.enabled, healthAware.condition == .flyteReady, !registry.flyteHealth.enabled else { return }
        notes.append(
            "spec.publish.healthAware.condition is FlyteReady, and spec.flyteHealth is not enabled: Available decides")
    }

    private mutating func noteLabels() {
        for (_, reason) in lostLabels.sorted(by: { $0.key < $1.key }) { notes.append(reason) }
        let fallback = configuration.defaultExecutionLabel
        if !fallback.isEmpty, configuration.labels[fallback] == nil {
            notes.append("no ExecutionLabel has the defaultExecutionLabel \(fallback)")
        }
    }
}
