import Fleet
import KubeObjects
import Support
import Testing

@testable import Operator

@Suite("Condition changes in the log")
struct ConditionLineTests {
    private func condition(_ type: String, _ status: Condition.Status, _ reason: String) -> Condition {
        Condition(
            type: type, status: status, reason: reason, message: "why", observedGeneration: 1,
            lastTransitionTime: Timestamp(Instant(secondsSince1970: 0)))
    }
    private func lines(_ new: [Condition], _ old: [Condition]?, _ type: ResourceType = .dataPlanes) -> [[String:
        String]]
    {
        ConditionLine.lines(new, before: old, of: ObjectMeta(name: "a", namespace: "flyte"), type, revision: 7)
            .map(\.fields)
    }

    @Test("A change of status or reason is a line with the same fields each time")
    func changes() {
        let before = [condition("Reachable", .isTrue, "ProbeSucceeded"), condition("Ready", .isFalse, "Timeout")]
        let after = [condition("Reachable", .isFalse, "Timeout"), condition("Ready", .isFalse, "ConnectFailed")]
        #expect(
            lines(after, before) == [
                [
                    "object": "DataPlane/a", "dataplane": "a", "namespace": "flyte", "condition": "Reachable",
                    "status": "False", "reason": "Timeout", "detail": "why", "before": "True ProbeSucceeded",
                    "revision": "7",
                ],
                [
                    "object": "DataPlane/a", "dataplane": "a", "namespace": "flyte", "condition": "Ready",
                    "status": "False", "reason": "ConnectFailed", "detail": "why", "before": "False Timeout",
                    "revision": "7",
                ],
            ])
    }

    @Test("Unchanged conditions are not logged, nor Reconciling and Stalled")
    func quiet() {
        let same = [condition("Ready", .isTrue, "Ready")]
        #expect(lines(same, same) == [])
        #expect(lines(same + [condition("Reconciling", .isTrue, "Pending")], same) == [])
    }

    @Test("A field without a value is -, so that each line has the same fields")
    func first() {
        let names: Set = [
            "object", "dataplane", "namespace", "condition", "status", "reason", "detail", "before", "revision",
        ]
        let new = [condition("Ready", .isTrue, "Resolved")]
        let label = ConditionLine.lines(
            new, before: nil, of: ObjectMeta(name: "a"), .executionLabels, revision: nil
        ).first?.fields
        #expect(label.map { Set($0.keys) } == names)
        #expect(label?["object"] == "ExecutionLabel/a" && label?["before"] == "-" && label?["dataplane"] == "-")
        #expect(label?["namespace"] == "-" && label?["revision"] == "-")
        #expect(lines(new, new, .dataPlanes) == [] && lines(new, nil).first.map { Set($0.keys) } == names)
    }
}
