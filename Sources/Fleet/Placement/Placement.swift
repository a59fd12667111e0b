/// The cluster that flyteadmin would draw for an execution: `RandomClusterSelector.GetTarget` (v1.16.8), with the
/// reasons.
///
/// It leaves out launches that name a cluster themselves, since no label decides then.
public struct Placement: Sendable, Hashable {
    public enum Rule: String, Sendable, Hashable {
        case launchLabel = "launch-label"
        case workflow
        case projectDomain = "project-domain"
        case project
        case defaultLabel = "default-label"
        case allClusters = "all-clusters"
    }
    public struct Candidate: Sendable, Hashable {
        public var cluster: String
        public var weight: Double
        /// The probabilities of all candidates sum to 1.
        public var probability: Double
    }
    /// Why a cluster can't be drawn, although a label names it or it exists.
    public struct Dropped: Sendable, Hashable {
        public var cluster: String
        public var reason: String
        public init(cluster: String, reason: String) {
            self.cluster = cluster
            self.reason = reason
        }
    }
    public struct Request: Sendable, Hashable {
        public var project: String
        public var domain: String
        public var workflow: String?
        /// The launch's own label.
        public var label: String?
        public init(project: String, domain: String, workflow: String? = nil, label: String? = nil) {
            self.project = project
            self.domain = domain
            self.workflow = workflow
            self.label = label
        }
    }

    public var rule: Rule
    /// The label that decided. Empty if none did.
    public var label: String
    /// In the order of the draw. Empty if no cluster is enabled.
    public var candidates: [Candidate]
    public var dropped: [Dropped]
    /// For people: what was tried before, and what is unusual.
    public var notes: [String]
    fileprivate var draw: WeightedClusters?

    /// The cluster of an execution with that name. Nil if there is no candidate.
    public func cluster(forExecution name: String) -> String? { draw?.cluster(forExecution: name) }
}

/// What flyteadmin decides with: its clusters configuration, and the labels in its database.
public struct PlacementFleet: Sendable {
    public var configuration: ClustersConfiguration
    /// The label for each project, domain and workflow.
    public var assignments: [AdminRowKey: String]
    /// Clusters that are not in the configuration although they have a DataPlane, with the reasons.
    public var leftOut: [String: String]
    /// For each label, the clusters that have left it for a time (by the health-aware map or a cordon), with the
    /// reasons.
    public var withdrawn: [String: [Placement.Dropped]]
    /// The cordoned clusters among those that are not enabled in the configuration.
    public var cordoned: Set<String>

    public init(
        configuration: ClustersConfiguration, assignments: [AdminRowKey: String], leftOut: [String: String] = [:],
        withdrawn: [String: [Placement.Dropped]] = [:], cordoned: Set<String> = []
    ) {
        self.cordoned = cordoned
        self.configuration = configuration
        self.assignments = assignments
        self.leftOut = leftOut
        self.withdrawn = withdrawn
    }

    public func placement(of request: Placement.Request) -> Placement {
        if let attribute = attribute(of: request) { return placement(by: attribute) }
        var placement = placement(by: nil)
        placement.notes.insert("no label is set for \(request.project)/\(request.domain)", at: 0)
        return placement
    }

    /// - Parameter attribute: the label that counts, with its rule. Nil if none is set.
    public func placement(by attribute: (rule: Placement.Rule, label: String)?) -> Placement {
        var dropped: [Placement.Dropped] = []
        var notes: [String] = []
        if let (rule, label) = attribute {
            let list = entries(of: label, &dropped, &notes)
            if let placement = placement(rule, label, list, dropped, notes) { return placement }
        }
        let fallback = configuration.defaultExecutionLabel
        if !fallback.isEmpty {
            let list = entries(of: fallback, &dropped, &notes)
            if let placement = placement(.defaultLabel, fallback, list, dropped, notes) { return placement }
        }
        return anyCluster(dropped, notes)
    }

    /// The most specific label that is set. Labels are not merged, and a less specific one is not tried after it.
    public func attribute(of request: Placement.Request) -> (rule: Placement.Rule, label: String)? {
        if let label = request.label, !label.isEmpty { return (.launchLabel, label) }
        let key = AdminRowKey(project: request.project, domain: request.domain, workflow: request.workflow ?? "")
        if !key.workflow.isEmpty, let label = assignments[key] { return (.workflow, label) }
        if let label = assignments[key.projectDomain] { return (.projectDomain, label) }
        return assignments[key.wholeProject].map { (.project, $0) }
    }

    /// The enabled clusters of a label. Nil if flyteadmin does not find the label.
    private func entries(
        of label: String, _ dropped: inout [Placement.Dropped], _ notes: inout [String]
    ) -> [ClustersConfiguration.Entry]? {
        let written = configuration.labels.keys.filter { LabelKeys.asRead($0) == label }.min()
        guard let written, let entries = configuration.labels[written] else {
            let reason = LabelKeys.lost(configuration.labels.keys).reasons[label]
            notes.append("the label \(label) has no effect: " + (reason ?? "there is no such entry in labelClusterMap"))
            return nil
        }
        var usable: [ClustersConfiguration.Entry] = []
        for entry in entries {
            switch configuration.clusters.first(where: { $0.name == entry.id })?.enabled {
            case true?: usable.append(entry)
            case false?: dropped.add(entry.id, disabling(entry.id))
            case nil: dropped.add(entry.id, leftOut[entry.id] ?? "Unknown")
            }
        }
        for entry in usable where !WeightedClusters.isPossible(entry.weight) {
            dropped.add(entry.id, "WeightInvalid")
            notes.append("\(label): the weight \(entry.weight) of \(entry.id) is not 0…1: flyteadmin does not start so")
        }
        usable.removeAll { !WeightedClusters.isPossible($0.weight) }
        for one in withdrawn[written] ?? [] { dropped.add(one.cluster, one.reason) }
        if usable.isEmpty { notes.append("the label \(label) has no enabled cluster") }
        return usable
    }

    /// Why a cluster is not enabled.
    private func disabling(_ cluster: String) -> String {
        cordoned.contains(cluster)
            ? ExecutionLabelStatus.Cluster.State.unschedulable.rawValue
            : ExecutionLabelStatus.Cluster.State.disabled.rawValue
    }

    private func placement(
        _ rule: Placement.Rule, _ label: String, _ entries: [ClustersConfiguration.Entry]?,
        _ dropped: [Placement.Dropped], _ notes: [String]
    ) -> Placement? {
        guard let entries, let draw = WeightedClusters(entries.map { ($0.id, $0.weight) }) else { return nil }
        let drawn = draw.ids
        var dropped = dropped
        for entry in entries where !drawn.contains(entry.id) { dropped.add(entry.id, "ZeroWeight") }
        let weights = Dictionary(entries.map { ($0.id, $0.weight) }, uniquingKeysWith: { first, _ in first })
        let total = drawn.reduce(0) { $0 + (weights[$1] ?? 0) }
        let candidates = drawn.map { id in
            let weight = weights[id] ?? 0
            return Placement.Candidate(
                cluster: id, weight: weight, probability: total > 0 ? weight / total : 1 / Double(drawn.count))
        }
        return Placement(
            rule: rule, label: label, candidates: candidates,
            dropped: dropped.filter { !drawn.contains($0.cluster) }, notes: notes, draw: draw)
    }

    private func anyCluster(_ dropped: [Placement.Dropped], _ notes: [String]) -> Placement {
        var dropped = dropped
        for cluster in configuration.clusters where !cluster.enabled {
            dropped.add(cluster.name, disabling(cluster.name))
        }
        for (name, reason) in leftOut.sorted(by: { $0.key < $1.key }) { dropped.add(name, reason) }
        let enabled = configuration.clusters.filter(\.enabled).map(\.name)
        let draw = WeightedClusters(enabled.map { ($0, 0) })
        let share = 1 / Double(max(1, enabled.count))
        return Placement(
            rule: .allClusters, label: "",
            candidates: (draw?.ids ?? []).map { .init(cluster: $0, weight: share, probability: share) },
            dropped: dropped.filter { !enabled.contains($0.cluster) },
            notes: notes + (enabled.isEmpty ? ["no cluster is enabled: flyteadmin does not start so"] : []), draw: draw)
    }
}

extension [Placement.Dropped] {
    fileprivate mutating func add(_ cluster: String, _ reason: String) {
        if !contains(where: { $0.cluster == cluster }) { append(.init(cluster: cluster, reason: reason)) }
    }
}
