import KubeObjects
import Support

/// What of the published configuration stays although the custom resources say otherwise, so that no label loses its last
/// cluster by accident, and flyteadmin can start at any moment. A pure value.
struct KeptEntries: Sendable {
    /// For so many seconds, entries whose credentials are away stay as they are: a Secret is often written anew in two steps.
    static let patience = 60.0

    /// What the decision rests on.
    struct Question: Sendable {
        var before: ClustersConfiguration
        /// What the custom resources come to.
        var wanted: ClustersConfiguration
        /// Clusters whose credentials can't be used.
        var unusable: [String: String] = [:]
        /// Labels whose ExecutionLabel allows that they become empty.
        var mayBeEmpty: Set<String> = []
        /// The labels that something in flyteadmin still names; nil while that is not known.
        var named: Set<String>?
        /// Nil where nobody can look at the Secret.
        var files: CredentialFiles?
        /// By cluster: for how many seconds its credentials have been away.
        var away: [String: Double] = [:]
        var patience = KeptEntries.patience
    }

    /// With what is kept.
    var configuration: ClustersConfiguration
    /// Labels that stay because they would lose their last cluster, each with its clusters.
    var labels: [String: [String]] = [:]
    /// Labels that have no ExecutionLabel any more and stay because rows name them.
    var orphans: [String] = []
    /// Kept clusters whose credentials are away, for less than the patience and for longer.
    var waiting: Set<String> = []
    var closed: Set<String> = []
    /// Kept clusters for which there is not even a certificate.
    var hopeless: Set<String> = []
    /// Kept because no enabled cluster would be left at all.
    var lastClusters: [String] = []
    /// In seconds.
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
            // Disabled or cordoned: its files are there.
            configuration.clusters[index].enabled = true
            return
        }
        if let closed = close(cluster) { cluster = closed }
        configuration.clusters.append(cluster)
    }

    /// Nil where it stays as it is.
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
