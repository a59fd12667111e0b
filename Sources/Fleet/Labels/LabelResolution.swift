import KubeObjects
import Support

/// The state of a data plane for labels: whether it accepts requests. Other statuses report what is out of sync in it.
public enum ClusterState: Sendable, Hashable {
    case ready
    case notReady
    case disabled
    /// Cordoned, whatever its state is otherwise.
    case unschedulable
    /// The DataPlane exists, and it is not known yet whether it accepts requests.
    case undetermined

    /// The state from a status of the DataPlane.
    public init(_ object: DataPlane, _ status: DataPlaneStatus?) {
        switch status?.availability?.status {
        case _ where !object.spec.enabled: self = .disabled
        case _ where object.spec.unschedulable: self = .unschedulable
        case .isTrue: self = .ready
        case .isFalse: self = .notReady
        case .unknown, nil: self = .undetermined
        }
    }
}

/// An ExecutionLabel with its clusters and its condition Ready.
public struct ResolvedLabel: Sendable, Hashable {
    public var label: String
    public var clusters: [ExecutionLabelStatus.Cluster]
    public var ready: ConditionFinding
    /// Whether this object decides about its label. The other objects with that label have no effect.
    public var isInForce: Bool
}

/// Resolves all labels. They are resolved together, since two objects can claim one label.
public enum LabelResolution {
    /// - Parameter clusters: the state of every DataPlane, by `clusterName`.
    /// - Returns: the resolved labels by object name.
    public static func all(
        _ labels: [ExecutionLabel], clusters: [String: ClusterState]
    ) -> [String: ResolvedLabel] {
        let owners = Seniority.oldest(labels, by: \.label)
        var resolved: [String: ResolvedLabel] = [:]
        for label in labels {
            let owner = owners[label.label]?.metadata.name ?? label.metadata.name
            let problem = problem(of: label, owner: owner)
            resolved[label.metadata.name] = ResolvedLabel(
                label: label.label, clusters: label.spec.clusters.map { row($0, clusters[$0.name]) },
                ready: problem.map { .no(.ready, $0.0.rawValue, $0.1) }
                    ?? resolution(of: label.spec.clusters, clusters),
                isInForce: problem == nil)
        }
        return resolved
    }

    private static func row(_ cluster: ExecutionLabelSpec.Cluster, _ state: ClusterState?)
        -> ExecutionLabelStatus.Cluster
    {
        let state: ExecutionLabelStatus.Cluster.State =
            switch state {
            case .ready: .ready
            case .notReady: .notReady
            case .disabled: .disabled
            case .unschedulable: .unschedulable
            case .undetermined, nil: .unknown
            }
        return .init(name: cluster.name, weight: cluster.weight, state: state)
    }

    private static func problem(of label: ExecutionLabel, owner: String) -> (LabelReason, String)? {
        if let problem = label.spec.problems().first { return (.invalid, problem.description) }
        if let problem = LabelWeights.problem(label.spec.clusters) { return (.weightsInvalid, problem) }
        if owner != label.metadata.name {
            return (.duplicateLabel, "ExecutionLabel \(owner) is older and has the label \(label.label) already")
        }
        return nil
    }

    /// flyteadmin silently drops unknown and disabled clusters and shares their part among the others. So such a
    /// cluster with a weight makes the label not Ready, and the message says so. A cordoned cluster is left out on
    /// purpose and for a time, so the label stays Ready while another cluster is. Whether a cluster answers at the
    /// moment does not matter to flyteadmin, so one ready cluster is enough.
    private static func resolution(
        of entries: [ExecutionLabelSpec.Cluster], _ clusters: [String: ClusterState]
    ) -> ConditionFinding {
        func names(_ isIncluded: (ExecutionLabelSpec.Cluster) -> Bool) -> [String] {
            entries.filter(isIncluded).map(\.name)
        }
        func no(_ reason: LabelReason, _ message: String) -> ConditionFinding { .no(.ready, reason.rawValue, message) }
        let unknown = names { clusters[$0.name] == nil }
        if !unknown.isEmpty { return no(.unknownCluster, "no DataPlane has the clusterName \(unknown.listed())") }
        let disabled = names { $0.weight > 0 && clusters[$0.name] == .disabled }
        if !disabled.isEmpty { return no(.clusterDisabled, "disabled: \(disabled.listed()); Flyte leaves it out") }
        let ready = names { $0.weight > 0 && clusters[$0.name] == .ready }
        let cordoned = names { $0.weight > 0 && clusters[$0.name] == .unschedulable }
        let rest = names { entry in
            entry.weight > 0 && clusters[entry.name] != .ready && clusters[entry.name] != .unschedulable
        }
        let cordon = cordoned.isEmpty ? "" : "cordoned: \(cordoned.listed())"
        func joined(_ parts: String...) -> String { parts.filter { !$0.isEmpty }.joined(separator: "; ") }
        let unclear = names { $0.weight > 0 && clusters[$0.name] == .undetermined }
        if ready.isEmpty {
            if !unclear.isEmpty {
                return .unknown(.ready, Reason.pending, "not known yet: whether \(rest.listed()) is Available")
            }
            return no(.noReadyCluster, joined(rest.isEmpty ? "" : "not Available: \(rest.listed())", cordon))
        }
        let away = rest.filter { !unclear.contains($0) }
        let doubt = unclear.isEmpty ? "" : "not known yet: whether \(unclear.listed()) is Available"
        if away.isEmpty {
            return .yes(.ready, Reason.resolved, joined("executions go to \(ready.listed())", doubt, cordon))
        }
        // Those that are away still get their share, unless the registry publishes by health.
        let share = "not Available: \(away.listed()), which flyteadmin leaves out only with publish.healthAware"
        return .yes(.ready, Reason.resolved, joined("Available: \(ready.listed())", share, doubt, cordon))
    }
}

extension ResolvedLabel {
    /// The status to store, given the earlier one.
    public func status(of object: ExecutionLabel, now: Instant) -> ExecutionLabelStatus {
        var status = ExecutionLabelStatus([ready], of: object, now: now)
        status.label = label
        status.clusters = clusters
        status.summary = .init(
            clusters: clusters.map { "\($0.name)=\(LabelWeights.text($0.weight))" }.joined(separator: ",").cut(
                toBytes: 1024))
        return status
    }
}
