import Fleet
import KubeObjects

/// The log line of a condition that has changed, with the same fields each time. A field without a value is `-`, as in
/// `WriteLine`.
struct ConditionLine: Sendable, Hashable {
    var fields: [String: String]

    /// A line for each condition whose status or reason has changed. `Reconciling` and `Stalled` only repeat `Ready`.
    static func lines(
        _ conditions: [Condition], before: [Condition]?, of metadata: ObjectMeta, _ type: ResourceType,
        revision: Int64?
    ) -> [ConditionLine] {
        let repeats = [ConditionType.reconciling.rawValue, ConditionType.stalled.rawValue]
        return conditions.compactMap { condition in
            let last = before?.first { $0.type == condition.type }
            guard last?.status != condition.status || last?.reason != condition.reason,
                !repeats.contains(condition.type)
            else { return nil }
            return ConditionLine(condition, before: last, of: metadata, type, revision)
        }
    }

    private init(
        _ condition: Condition, before: Condition?, of metadata: ObjectMeta, _ type: ResourceType, _ revision: Int64?
    ) {
        fields = [
            "object": "\(type.kind)/\(metadata.name)", "condition": condition.type,
            "status": condition.status.rawValue, "reason": condition.reason, "detail": condition.message,
            "namespace": metadata.namespace ?? "-",
            "before": before.map { "\($0.status.rawValue) \($0.reason)" } ?? "-",
            "dataplane": type == .dataPlanes ? metadata.name : "-", "revision": revision.map { "\($0)" } ?? "-",
        ]
    }
}
