import ControlLoop
import DevCluster
import JSON
import TestSupport
import Testing

@testable import Operator

extension WatcherConfiguration {
    /// Seconds become hundreds of milliseconds.
    static let fast = WatcherConfiguration(
        backoff: BackoffPolicy(base: .milliseconds(20), cap: .milliseconds(200)), bookmarkInterval: .milliseconds(200),
        idleSlack: .milliseconds(300) * patience, shortestWatch: .milliseconds(20),
        listGuard: ListGuard(interval: .milliseconds(400)))
}

extension EndToEnd.Faults {
    /// Nothing is removed or overwritten because of something that only looks like a change.
    @Suite("Safety")
    struct Safety {
        static let everything: Set<String> = ["namespaces", "serviceaccounts"]

        @Test(
            "A data plane's list that is empty, halved or {} stops writes, and it says so",
            arguments: [Fault.emptyList, .truncatedList, .emptyObject])
        func lyingDataPlane(_ fault: Fault) async throws {
            // Longer than the test looks: a list that is repeated is believed in the end.
            try await withSettledFleet(
                of: 1, (0..<24).map { "p\($0)" },
                configure: {
                    $0.watcher = .fast; $0.watcher.listGuard.interval = .seconds(4) * patience
                }
            ) { fleet, _ in
                fleet[1].requestLog.reset()
                fleet[1].faults.add(fault, match: .init(verbs: ["list"]))
                fleet[1].endWatches(.gone)
                try await eventually("it lists again") {
                    fleet[1].requestLog.count(verb: "list", userAgent: "squadron") >= 2
                }
                try await throughout(.seconds(1), "nothing is written") {
                    fleet[1].requestLog.writes(to: Self.everything) == 0
                }
                if fault != .emptyObject {
                    let condition = try await fleet.reports(1, "Synced", "SyncFailed")
                    #expect(condition.message.contains("the list lacks"), "\(condition)")
                }
                fleet[1].faults.removeAll()
                #expect(fleet[1].requestLog.count(verb: "delete", userAgent: "squadron") == 0)
            }
        }

        @Test(
            "A control plane's list that is empty, halved or {} changes no data plane",
            arguments: [Fault.emptyList, .truncatedList, .emptyObject])
        func lyingControlPlane(_ fault: Fault) async throws {
            try await withSettledFleet(
                of: 1, (0..<24).map { "p\($0)" },
                configure: {
                    $0.watcher = .fast; $0.watcher.listGuard.interval = .seconds(3) * patience
                }
            ) { fleet, _ in
                fleet[1].requestLog.reset()
                let connections = fleet[1].connections.accepted
                fleet.controlPlane.faults.add(fault, match: .init(verbs: ["list"], userAgent: "squadron"))
                fleet.controlPlane.endWatches(.gone)
                try await eventually("it lists again") {
                    fleet.controlPlane.requestLog.count(verb: "list", resource: "dataplanes", userAgent: "squadron")
                        >= 2
                }
                try await throughout(.seconds(1), "nothing is written, nobody is let go") {
                    fleet[1].requestLog.writes(to: Self.everything) == 0
                        && fleet[1].requestLog.openWatches.count == 2 && fleet[1].connections.accepted == connections
                }
                let told = try await fleet.reports("ClusterRegistry", "flyte", "Ready", "SyncFailed")
                #expect(told.status == "False" && told.message.contains("is not believed"), "\(told)")
                try await eventually("an event tells of it") {
                    try await fleet.events(regarding: "flyte", "ClusterRegistry").contains {
                        $0.hasPrefix("SyncFailed") && $0.contains("is not believed")
                    }
                }
                fleet.controlPlane.faults.removeAll()
                try await fleet.admin.apply(assignment("afterwards", "staging"))
                try await fleet.settles(25, within: .seconds(45))
                try await fleet.reports("ClusterRegistry", "flyte", "Ready", "Ready")
            }
        }

        @Test("Without a ClusterRegistry an event tells that a control plane's list is doubted")
        func doubtWithoutRegistry() async throws {
            try await withFleet(
                of: 1,
                configure: {
                    $0.watcher = .fast; $0.watcher.listGuard.interval = .seconds(1)
                }
            ) { fleet in
                try await fleet.admin.apply(fleet.dataPlane(1))
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    fleet.controlPlane.faults.add(
                        .emptyList, match: .init(verbs: ["list"], resources: ["secrets"], userAgent: "squadron"))
                    fleet.controlPlane.endWatches(.gone)
                    try await eventually("an event tells of it") {
                        try await fleet.events(regarding: "flyte", "ClusterRegistry").contains {
                            $0.hasPrefix("SyncFailed") && $0.contains("secrets/cluster-credentials")
                        }
                    }
                    fleet.controlPlane.faults.removeAll()
                    try await eventually("another that it is over") {
                        try await fleet.events(regarding: "flyte", "ClusterRegistry").contains {
                            $0.contains("believed again")
                        }
                    }
                    try await fleet.reports(1, "CredentialsValid", "Valid")
                }
            }
        }

        @Test("A data plane restored from an older backup is doubted, then brought up to date")
        func restored() async throws {
            try await withFleet(
                of: 1,
                configure: {
                    $0.watcher = .fast; $0.watcher.listGuard.interval = .seconds(2)
                }
            ) { fleet in
                try await fleet.applyBasics()
                for number in 0..<12 { try await fleet.admin.apply(assignment("old\(number)", "development")) }
                try await fleet.operating { _ in
                    try await fleet.settles(12)
                    let backup = fleet[1].store.snapshot()
                    for number in 0..<12 { try await fleet.admin.apply(assignment("new\(number)", "development")) }
                    try await fleet.settles(24)
                    try await fleet[1].restore(backup)
                    let condition = try await fleet.reports(1, "Synced", "SyncFailed")
                    #expect(condition.message.contains("resourceVersion went back"), "\(condition)")
                    try await eventually("what the backup lacked is made again") {
                        try await fleet.annotation(1, "new11-development") == fleet.role
                    }
                    try await fleet.settles(24)
                    #expect(try await fleet.annotation(1, "old3-development") == fleet.role)
                }
            }
        }

        @Test("A data plane restored unseen, with no broken connection, is brought up to date")
        func restoredWhileAway() async throws {
            // No watch is silent for long enough to be replaced: what is looked at comes after the pause alone.
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                for number in 0..<3 { try await fleet.admin.apply(assignment("old\(number)", "development")) }
                try await fleet.operating { _ in
                    try await fleet.settles(3)
                    let backup = fleet[1].store.snapshot()
                    for number in 0..<3 { try await fleet.admin.apply(assignment("new\(number)", "development")) }
                    try await fleet.settles(6)
                    fleet[1].link.isBlackHole = true
                    try await fleet.reports(1, "Reachable", "Timeout")
                    fleet[1].store.restore(backup)
                    fleet[1].link.isBlackHole = false
                    for number in 0..<3 {
                        try await eventually("what the backup lacked is made again") {
                            try await fleet.annotation(1, "new\(number)-development") == fleet.role
                        }
                    }
                    try await fleet.settles(6)
                    #expect(try await fleet.annotation(1, "old2-development") == fleet.role)
                }
            }
        }

        @Test("A control plane restored from an older backup changes nothing in data planes")
        func controlPlaneRestored() async throws {
            try await withFleet(of: 1, configure: { $0.watcher = .fast }) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("old", "development"))
                let backup = fleet.controlPlane.store.snapshot()
                try await fleet.operating { _ in
                    try await fleet.admin.apply(assignment("new", "development"))
                    try await fleet.settles(2)
                    fleet[1].requestLog.reset()
                    fleet.controlPlane.requestLog.reset()
                    try await fleet.controlPlane.restore(backup)
                    try await eventually("what was restored is listed") {
                        fleet.controlPlane.requestLog.count(
                            verb: "list", resource: "executionclusterlabels", userAgent: "squadron") > 0
                    }
                    try await throughout(.seconds(2), "nothing is written") {
                        fleet[1].requestLog.writes(to: Self.everything) == 0
                    }
                    #expect(try await fleet.annotation(1, "new-development") == fleet.role)
                }
            }
        }

        @Test("Another registry's namespace is left alone; nobody's is adopted on request")
        func otherRegistry() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                try await fleet[1].admin.apply([
                    [
                        "apiVersion": "v1", "kind": "Namespace",
                        "metadata": [
                            "name": "theirs-development", "labels": ["multicluster.flyte.org/project": "theirs"],
                            "annotations": ["multicluster.flyte.org/control-plane-uid": "another-registry"],
                        ],
                    ],
                    [
                        "apiVersion": "v1", "kind": "Namespace",
                        "metadata": [
                            "name": "hidden-development",
                            "annotations": ["multicluster.flyte.org/control-plane-uid": "another-registry"],
                        ],
                    ],
                    [
                        "apiVersion": "v1", "kind": "Namespace",
                        "metadata": [
                            "name": "nobodys-development", "labels": ["multicluster.flyte.org/adopt": "true"],
                        ],
                    ],
                ])
                let theirs = try await fleet[1].admin.get("Namespace", "theirs-development")?["metadata"]
                for project in ["theirs", "hidden", "nobodys"] {
                    try await fleet.admin.apply(assignment(project, "development"))
                }
                try await fleet.operating { _ in
                    try await fleet.reports(1, "Synced", "Conflict")
                    try await eventually("both are reported") {
                        Set(try await fleet.failures(1).compactMap { $0["namespace"]?.string })
                    } until: {
                        $0 == ["theirs-development", "hidden-development"]
                    }
                    #expect(try await fleet.failures(1).contains { $0["reason"] == "NamespaceNotOurs" })
                    #expect(try await fleet.annotation(1, "nobodys-development") == fleet.role)
                    #expect(try await fleet.annotation(1, "theirs-development") == nil)
                    #expect(try await fleet.annotation(1, "hidden-development") == nil)
                    let now = try await fleet[1].admin.get("Namespace", "theirs-development")?["metadata"]
                    #expect(now?["resourceVersion"] == theirs?["resourceVersion"])
                    let hidden = try await fleet[1].admin.get("Namespace", "hidden-development")
                    #expect(
                        hidden?[path: ["metadata", "annotations", "multicluster.flyte.org/control-plane-uid"]]
                            == "another-registry")
                }
            }
        }

        @Test(
            "Another registry's namespace becomes ours once takesOverFrom names it",
            arguments: ["squadron", "velero-server"])
        func takesOver(writtenBy manager: String) async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                try await fleet[1].admin.apply(
                    [
                        "apiVersion": "v1", "kind": "Namespace",
                        "metadata": [
                            "name": "theirs-development", "labels": ["multicluster.flyte.org/project": "theirs"],
                            "annotations": ["multicluster.flyte.org/control-plane-uid": "another-registry"],
                        ],
                    ], as: manager)
                try await fleet.admin.apply(assignment("theirs", "development"))
                try await fleet.operating { _ in
                    try await fleet.reports(1, "Synced", "Conflict")
                    try await fleet.admin.merge(
                        "ClusterRegistry", "flyte", ["spec": ["identity": ["takesOverFrom": ["another-registry"]]]])
                    try await fleet.settles(1)
                    #expect(try await fleet.annotation(1, "theirs-development") == fleet.role)
                }
            }
        }

        @Test(
            "kube-*, default and the operator's own namespace are never touched",
            arguments: ["kube-system", "flyte"])
        func reserved(_ name: String) async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics([
                    "namespaceTemplate": "{{ domain }}", "domains": [.string(name), "fine"],
                    "workloadIdentity": ["aws": ["roleARN": .string(fleet.role)]],
                ])
                try await fleet.admin.apply([assignment("a", name), assignment("b", "fine")])
                fleet[1].requestLog.reset()
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    try await fleet.reports("ExecutionClusterLabel", "a-\(name)", "NamespaceSynced", "InvalidName")
                }
                #expect(try await fleet.annotation(1, name) == nil)
                #expect(fleet[1].requestLog.writes(to: Self.everything) == 2)
            }
        }

        @Test("Deleting the DataPlane of a dead cluster does not hang")
        func deleteDead() async throws {
            try await withSettledFleet([]) { fleet, _ in
                fleet[1].link.isBlackHole = true
                try await fleet.admin.delete("DataPlane", "dataplane-1")
                #expect(try await fleet.admin.get("DataPlane", "dataplane-1") == nil)
                try await fleet.reports("ExecutionLabel", "label1", "Ready", "UnknownCluster")
                fleet[1].link.isBlackHole = false
            }
        }

        @Test("Cut off anywhere in a sync, it converges later and repeats no answered write")
        func cutOff() async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.applyBasics()
                for server in fleet.dataPlanes {
                    server.faults.add(.latency(.milliseconds(15)), match: .init(verbs: ["patch"]))
                }
                for number in 0..<40 { try await fleet.admin.apply(assignment("p\(number)", "development")) }
                for cut in [5, 20, 45, 70, 78] {
                    try await fleet.operating(ending: .abrupt) { _ in
                        try await eventually("\(cut) writes") {
                            fleet[1].requestLog.writes(to: Self.everything) >= cut
                        }
                    }
                }
                try await fleet.operating { _ in try await fleet.settles(40) }
                for server in fleet.dataPlanes {
                    let log = server.requestLog
                    let unanswered = log.count(verb: "patch", userAgent: "squadron", status: 0)
                    let answered = log.writes(to: Self.everything) - unanswered
                    #expect(answered <= 80 + unanswered, "\(answered) answered, \(unanswered) lost")
                }
                let expected = 2 * 40
                #expect(try await fleet.uids().count == 2 * expected)
            }
        }

        @Test(
            "Two DataPlanes of one cluster under two host names: only the older one writes",
            arguments: 1...3)
        func duplicateRace(_ round: Int) async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.addSecondEntry()
                let otherName = fleet[1].url.replacing("127.0.0.1", with: "localhost")
                try #require(otherName != fleet[1].url)
                // Both are of the same second, so the name decides; the newer one is alone in having a role.
                for number in 1...5 { try await fleet.admin.apply(assignment("p\(number)", "development")) }
                let newer = resource(
                    "DataPlane", "z-newer",
                    [
                        "clusterName": "again", "endpoint": .string(otherName),
                        "workloadIdentity": ["aws": ["roleARN": "arn:of-the-newer"]],
                    ])
                try await fleet.admin.apply([fleet.dataPlane(1), newer])
                // Both know the cluster by the time that either has its status: that is where the race was.
                fleet.controlPlane.faults.add(
                    .latency(.milliseconds(400)), match: .init(verbs: ["patch"], resources: ["dataplanes/status"]))
                try await fleet.operating { _ in
                    try await fleet.reports("DataPlane", "z-newer", "Ready", "DuplicateCluster")
                    try await fleet.settles(1, 5)
                    #expect(fleet[1].requestLog.writes(to: Self.everything) == 5, "\(fleet[1].requestLog.counts)")
                    for number in 1...5 {
                        #expect(try await fleet.annotation(1, "p\(number)-development") == nil)
                    }
                }
            }
        }
    }
}
