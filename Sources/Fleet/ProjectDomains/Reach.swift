/// Which clusters the executions of a project-domain can be sent to: what `syncScope: Labelled` keeps namespaces to.
///
/// Follows flyteadmin's selector: a label keeps its known, enabled clusters with a weight; with none of them the default
/// label counts, then every enabled cluster. Whether a cluster is Ready doesn't matter here, since flyteadmin doesn't ask.
public struct Reach: Sendable {
    private let enabled: Set<String>
    private let labels: [String: Set<String>]
    private let fallback: Set<String>
    private var projectDomains: [ProjectDomain: String] = [:]
    private var workflows: [ProjectDomain: Set<String>] = [:]

    /// - Parameters:
    ///   - verdicts: by object name, of every label (`LabelVerdicts.all`).
    ///   - assignments: those in force; of duplicates the older one.
    public init(
        dataPlanes: some Sequence<DataPlane>, verdicts: [String: LabelVerdict],
        assignments: some Sequence<ExecutionClusterLabel>, defaultLabel: String
    ) {
        let enabled = Set(dataPlanes.filter(\.spec.enabled).map(\.clusterName))
        self.enabled = enabled
        var labels: [String: Set<String>] = [:]
        for verdict in verdicts.values where verdict.isInForce {
            let usable = verdict.clusters.filter { $0.weight > 0 && enabled.contains($0.name) }
            if !usable.isEmpty { labels[verdict.label] = Set(usable.map(\.name)) }
        }
        self.labels = labels
        fallback = labels[defaultLabel] ?? enabled
        for assignment in assignments {
            if assignment.spec.workflow == nil {
                projectDomains[assignment.spec.projectDomain] = assignment.spec.value
            } else {
                workflows[assignment.spec.projectDomain, default: []].insert(assignment.spec.value)
            }
        }
    }

    /// Flyte's cluster ids. Workflows with a label of their own add that label's clusters to the project-domain's.
    public func clusters(of key: ProjectDomain) -> Set<String> {
        var clusters = projectDomains[key].map { labels[$0] ?? fallback } ?? fallback
        for label in workflows[key] ?? [] { clusters.formUnion(labels[label] ?? fallback) }
        return clusters
    }
}
