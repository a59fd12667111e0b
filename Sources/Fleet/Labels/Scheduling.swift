/// What users have set about where new executions may go: which data planes are enabled and not cordoned. Their health
/// is a separate matter.
public struct Scheduling: Sendable, Hashable {
    /// The clusters of these DataPlanes, by `clusterName`.
    public var schedulable: Set<String>

    public init(schedulable: Set<String>) { self.schedulable = schedulable }

    public init(_ dataPlanes: some Sequence<DataPlane>) {
        let objects = Seniority.oldest(dataPlanes, by: \.clusterName)
        schedulable = Set(objects.filter { $0.value.spec.enabled && !$0.value.spec.unschedulable }.keys)
    }

    /// The clusters that get a part of a label's executions, with the weights that flyteadmin reads. The weights of the
    /// remaining clusters are rescaled to the sum 1. Empty if no cluster remains.
    public func shares(of label: ExecutionLabel) -> [ExecutionLabelSpec.Cluster] {
        let left = label.spec.clusters.filter { $0.weight > 0 && schedulable.contains($0.name) }
        let sum = left.reduce(0) { $0 + $1.weight }
        return left.map { .init(name: $0.name, weight: min(1, $0.weight / sum)) }
    }
}
