import DevCluster
import JSON
import Kube
import TestSupport
import Testing

@testable import Operator

extension EndToEnd.Alone {
    /// Data planes that send more than anybody asked for.
    @Suite("Budgets")
    struct Budgets {
        /// Small, so that a debug build reaches it.
        private static var budget: Budget {
            var budget = Budget()
            (budget.eventsPerSecond, budget.eventBurst, budget.spareObjects) = (100, 200, 300)
            return budget
        }

        private func withHostileFleet(
            _ faults: [Fault], _ body: @escaping (TestFleet<DevCluster>) async throws -> Void
        ) async throws {
            try await withFleet(
                of: 2,
                configure: {
                    $0.watcher = .fast
                    $0.budget = Self.budget
                }
            ) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    for fault in faults { fleet[2].faults.add(fault, match: .init(userAgent: "squadron")) }
                    fleet[2].endWatches(.gone)
                    try await body(fleet)
                    // The other one is prompt all the while.
                    try await fleet.admin.apply(assignment("project2", "development"))
                    try await fleet.settles(1, 2)
                }
            }
        }

        @Test(
            "A data plane that floods its watches says so, and the other one is prompt",
            arguments: [(1 << 20, 20), (100, 0), (20_000, 0)])
        func events(bytes: Int, perSecond: Int) async throws {
            let before = residentMegabytes()
            try await withHostileFleet([.eventFlood(bytes: bytes, perSecond: perSecond, isGrowing: false)]) { fleet in
                let condition = try await fleet.reports(2, "Synced", "SyncFailed", within: .seconds(60))
                #expect(condition.message.contains("budget of 100 a second"), "\(condition)")
                try await eventually("there is an event") {
                    try await fleet.events(regarding: "dataplane-2", "DataPlane").contains {
                        $0.hasPrefix("SyncFailed") && $0.contains("budget")
                    }
                }
                #expect(residentMegabytes() - before < 200)
            }
        }

        @Test("A data plane with ever more objects says so, whether lists or watches bring them")
        func objects() async throws {
            for fault in [
                Fault.endlessPages(objects: 100, bytes: 100), .eventFlood(bytes: 0, perSecond: 50, isGrowing: true),
            ] {
                try await withHostileFleet([fault]) { fleet in
                    let condition = try await eventually("it says so", within: .seconds(60)) {
                        try await fleet.conditions("DataPlane", "dataplane-2")["Synced"]
                    } until: {
                        $0?.reason == "SyncFailed" && $0?.message.contains("more objects") == true
                    }
                    #expect(condition?.message.contains("its budget of 30") == true, "\(String(describing: condition))")
                }
            }
        }

        @Test("A network that cuts idle connections costs no list, and writes continue")
        func cutWatches() async throws {
            // devcluster's bookmarks come five times a second: no watch is idle for long.
            try await withFleet(of: 1, configure: { $0.watcher.shortestIdleness = .zero }) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    // Long enough for a watch to be one that had stood.
                    try await timePasses(.milliseconds(1_200))
                    fleet[1].requestLog.reset()
                    for number in 2...4 {
                        await fleet[1].resetConnections()
                        try await timePasses(.milliseconds(1_200))
                        try await fleet.admin.apply(assignment("project\(number)", "development"))
                        try await fleet.settles(number)
                    }
                    // What changes meanwhile is seen all the same.
                    await fleet[1].resetConnections()
                    try await fleet[1].admin.merge(
                        "ServiceAccount", "default", in: "project1-development",
                        ["metadata": ["annotations": ["eks.amazonaws.com/role-arn": nil]]])
                    try await eventually("it is put back") {
                        try await fleet.annotation(1, "project1-development") == fleet.role
                    }
                    #expect(fleet[1].requestLog.count(verb: "list", userAgent: "squadron") == 0)
                }
            }
        }

        @Test("No control character of a data plane reaches a status or an event")
        func controlCharacters() async throws {
            let evil = "evil\u{1b}]0;x\u{07}\u{9b}31m\r\nFAKE line\u{202e}"
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                var labels: JSON = [
                    "app.kubernetes.io/managed-by": "squadron", "multicluster.flyte.org/project": "project1",
                    "multicluster.flyte.org/domain": "development",
                ]
                labels[evil] = "x"
                fleet[1].store.put(
                    GroupResource("namespaces", group: ""),
                    [
                        "apiVersion": "v1", "kind": "Namespace",
                        "metadata": [
                            "name": "project1-development", "labels": labels,
                            "annotations": ["multicluster.flyte.org/control-plane-uid": .string(evil)],
                        ],
                    ])
                fleet[1].faults.add(
                    .refusal(422, reason: "Invalid\(evil)", message: "no\(evil)"),
                    match: .init(verbs: ["patch"], resources: ["serviceaccounts"], userAgent: "squadron"))
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.admin.apply(assignment("project2", "development"))
                try await fleet.operating { _ in
                    try await eventually("both are told of") {
                        let reasons = try await fleet.failures(1).compactMap { $0["reason"]?.string }
                        return Set(reasons) == ["NamespaceNotOurs", "Invalid"]
                    }
                    var texts: [String] = []
                    for kind in ["DataPlane", "ExecutionClusterLabel", "ClusterRegistry"] {
                        for object in try await fleet.admin.list(kind) {
                            texts.append((object["status"] ?? .null).serializedString)
                        }
                    }
                    for event in try await fleet.admin.list("Event") { texts.append(event.serializedString) }
                    let all = texts.joined()
                    #expect(all.contains("FAKE line"))
                    for escape in ["\\u001b", "\\u0007", "\\r", "\u{9b}", "\u{202e}", "\\nFAKE"] {
                        #expect(!all.contains(escape), "\(escape)")
                    }
                }
            }
        }
    }
}
