import KubeObjects
import Support

/// Keeps parts of the published configuration although the custom resources say otherwise. So no label loses its last
/// cluster by accident, and flyteadmin can start at any moment. A pure value.
struct KeptEntries: Sendable {
    /// For how many seconds entries without credentials stay unchanged, since a Secret is often rewritten in two steps.
    static let patience = 60.0

    /// The input of the decision.
    struct Question: Sendable {
        var before: ClustersConfiguration
        /// The configuration from the custom resources.
        var wanted: ClustersConfiguration
        /// Clusters whose credentials can't be used, with the reasons.
        var unusable: [String: String] = [:]
        /// Labels whose ExecutionLabel allows them to be empty.
        var mayBeEmpty: Set<String> = []
        /// The labels that rows in flyteadmin still name. Nil while they are not known.
        var named: Set<String>?
        /// Nil if nobody can read the Secret.
        var files: CredentialFiles?
        /// For how many seconds each cluster's credentials have been away.
        var away: [String: Double] = [:]
        var patience = KeptEntries.patience
    }

    /// The configuration with the kept parts.
    var configuration: ClustersConfiguration
    /// The labels that stay because they would lose their last cluster, each with its clusters.
    var labels: [String: [String]] = [:]
    /// The labels without an ExecutionLabel that stay because rows name them.
    var orphans: [String] = []
    /// Kept clusters whose credentials have been away for less than the patience (waiting) or for longer (closed).
    var waiting: Set<String> = []
    var closed: Set<String> = []
    /// Kept clusters without even a certificate.
    var hopeless: Set<String> = []
    /// Clusters that are kept because no enabled cluster would remain.
    var lastClusters: [String] = []
    /// Seconds.
    var lookAgain: Double?

    private let question: Question
    private var kept: [String: ClustersConfiguration.Cluster] = [:]

    init(_ question: Question) {
        self.question = question
        configuration = question.wanted
        for label in question.before.labels.keys.sorted() { keep(label) }
        if !configuration.clusters.contains(where: \.enabled), kept.isEmpty {
            lastClusters = question.before.clusters.filter(\.enabled).map(\.name).sorted()
            keep(clusters: lastClusters)
        }
        for name in kept.keys.sorted() { settle(name) }
        leaveOtherLabels()
        configuration.clusters.sort { $0.name < $1.name }
    }

    private mutating func keep(_ label: String) {
        let (before, wanted) = (question.before, question.wanted)
        let used = before.usableClusters(of: label).sorted()
        if wanted.labels[label] == nil {
            let isNamed = question.named?.contains(label) ?? true
            guard isNamed || label == wanted.defaultExecutionLabel else { return }
            configuration.labels[label] = before.labels[label]
            orphans.append(label)
        } else if used.isEmpty || question.mayBeEmpty.contains(label) {
            return
        }
        guard !used.isEmpty, configuration.usableClusters(of: label).isEmpty else { return }
        configuration.labels[label] = before.labels[label]
        labels[label] = used
        keep(clusters: used)
    }

    private mutating func keep(clusters names: [String]) {
        for cluster in question.before.clusters where names.contains(cluster.name) { kept[cluster.name] = cluster }
    }

    private mutating func settle(_ name: String) {
        guard var cluster = kept[name] else { return }
        if let index = configuration.clusters.firstIndex(where: { $0.name == name }) {
            // The cluster is disabled or cordoned, so its files exist.
            configuration.clusters[index].enabled = true
            return
        }
        if let closed = close(cluster) { cluster = closed }
        configuration.clusters.append(cluster)
    }

    /// A cluster stays published for the labels of which it is the last one. It must not get executions of other labels
    /// because of that.
    private mutating func leaveOtherLabels() {
        guard lastClusters.isEmpty else { return }
        let usable = Set(question.wanted.clusters.filter(\.enabled).map(\.name))
        let extra = Set(kept.keys).subtracting(usable)
        for (label, entries) in configuration.labels
        where labels[label] == nil && question.wanted.labels[label] != nil {
            // For a waiting cluster nothing changes.
            let before = Set((question.before.labels[label] ?? []).map(\.id))
            let out = extra.subtracting(waiting.intersection(before))
            if let rest = HealthAwareMap.entries(entries, without: out, usable: usable) {
                configuration.labels[label] = rest
            } else if question.mayBeEmpty.contains(label), entries.allSatisfy({ out.contains($0.id) }) {
                configuration.labels[label] = nil
            }
        }
    }

    /// Nil if it stays as it is.
    private mutating func close(
        _ cluster: ClustersConfiguration.Cluster
    ) -> ClustersConfiguration.Cluster? {
        guard let files = question.files, case .remote(let endpoint, let tokenPath, let certPath) = cluster.access
        else {
            return nil
        }
        let isOpen = !cluster.isClosed
        if isOpen, question.unusable[cluster.name] == nil, files.canStart(tokenPath: tokenPath, certPath: certPath) {
            return nil
        }
        if isOpen {
            let away = question.away[cluster.name] ?? 0
            guard away >= question.patience else {
                waiting.insert(cluster.name)
                lookAgain = min(lookAgain ?? .infinity, question.patience - away)
                return nil
            }
        }
        guard let certificate = files.certificate(insteadOf: certPath) else {
            hopeless.insert(cluster.name)
            return nil
        }
        closed.insert(cluster.name)
        let path = CredentialFiles.folder(certPath) + "/" + certificate
        var closed = cluster
        closed.access = .remote(endpoint: endpoint, tokenPath: path, certPath: path)
        return closed
    }
}
