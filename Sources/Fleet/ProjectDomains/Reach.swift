/// The clusters to which the executions of a project-domain can be sent. `syncScope: Labelled` limits namespaces to
/// them.
///
/// It follows flyteadmin's selector. A label reaches its known and enabled clusters with a weight, or all of them if
/// none has a weight. If there are none, the default label counts, and then every enabled cluster. Whether a cluster is
/// Ready doesn't matter here, since flyteadmin doesn't ask. A label that flyteadmin's library loses reaches both its
/// own clusters and those of the next step.
///
/// An unusable ExecutionLabel must not widen the reach. With wrong weights it reaches the clusters that it names. An
/// unreadable one may have any label that no other object has, so such a label reaches nothing.
public struct Reach: Sendable {
    private let enabled: Set<String>
    private var labels: [String: Set<String>] = [:]
    /// The reach of labels that only objects with wrong weights have.
    private var held: [String: Set<String>] = [:]
    private let hasUnreadable: Bool
    /// All labels in force, even those without a cluster to draw from.
    private let known: Set<String>
    private let lost: Set<String>
    private var fallback: Set<String>
    private var projects: [String: String] = [:]
    private var projectDomains: [ProjectDomain: String] = [:]
    private var workflows: [ProjectDomain: Set<String>] = [:]

    /// - Parameters:
    ///   - resolvedLabels: every label, by object name (`LabelResolution.all`).
    ///   - assignments: those in force, which is the oldest of duplicates.
    ///   - hasUnreadable: whether further ExecutionLabels exist that can't be read.
    public init(
        dataPlanes: some Sequence<DataPlane>, resolvedLabels: [String: ResolvedLabel],
        assignments: some Sequence<ExecutionClusterLabel>, defaultLabel: String, hasUnreadable: Bool = false
    ) {
        self.hasUnreadable = hasUnreadable
        let enabled = Set(dataPlanes.filter(\.spec.enabled).map(\.clusterName))
        self.enabled = enabled
        let inForce = resolvedLabels.values.filter(\.isInForce)
        let (reasons, displaced) = LabelKeys.lost(Set(inForce.map(\.label)))
        lost = Set(reasons.keys)
        known = Set(inForce.map(\.label))
        for resolved in inForce {
            let usable = resolved.clusters.filter { enabled.contains($0.name) }.map { ($0.name, $0.weight) }
            guard let drawn = WeightedClusters(usable)?.ids else { continue }
            labels[resolved.label, default: []].formUnion(drawn)
            if !displaced.contains(resolved.label) {
                labels[LabelKeys.asRead(resolved.label), default: []].formUnion(drawn)
            }
        }
        for resolved in resolvedLabels.values
        where !resolved.isInForce && resolved.ready.reason != LabelReason.duplicateLabel.rawValue {
            let named = resolved.clusters.filter { enabled.contains($0.name) }
            let weighted = named.filter { $0.weight > 0 }
            held[resolved.label, default: []].formUnion((weighted.isEmpty ? named : weighted).map(\.name))
        }
        for resolved in inForce { held[resolved.label] = nil }
        fallback = enabled
        if !defaultLabel.isEmpty { fallback = clusters(of: defaultLabel) }
        for assignment in assignments {
            let spec = assignment.spec
            guard let key = spec.projectDomain else {
                projects[spec.project] = spec.value
                continue
            }
            if spec.workflow == nil {
                projectDomains[key] = spec.value
            } else {
                workflows[key, default: []].insert(spec.value)
            }
        }
    }

    /// Flyte's cluster ids. A project-domain without its own label has its project's. Workflows with labels of their
    /// own add the clusters of those labels.
    public func clusters(of key: ProjectDomain) -> Set<String> {
        let own = projectDomains[key] ?? projects[key.project]
        var clusters = own.map { self.clusters(of: $0) } ?? fallback
        for label in workflows[key] ?? [] { clusters.formUnion(self.clusters(of: label)) }
        return clusters
    }

    /// The clusters for one project-domain from its assignments in force: its own label, its project's and its
    /// workflows'.
    public func clusters(of assignments: [ExecutionClusterLabelSpec]) -> Set<String> {
        let wide = assignments.filter { $0.workflow == nil }
        let own = wide.first { $0.domain != nil } ?? wide.first
        var clusters = own.map { self.clusters(of: $0.value) } ?? fallback
        for assignment in assignments where assignment.workflow != nil {
            clusters.formUnion(self.clusters(of: assignment.value))
        }
        return clusters
    }

    private func clusters(of label: String) -> Set<String> {
        guard let own = labels[label] else {
            if let held = held[label] { return held }
            return hasUnreadable && !known.contains(label) ? [] : fallback
        }
        return lost.contains(label) ? own.union(fallback) : own
    }
}
