import DevCluster
import JSON
import Support
import Testing

@testable import Operator

extension EndToEnd.Faults {
    /// What is over leaves nothing behind; what is in trouble says so.
    @Suite("Nothing stays behind")
    struct Recovery {
        private static func dropAnnotation(_ fleet: TestFleet<DevCluster>) async throws {
            try await fleet[1].admin.merge(
                "ServiceAccount", "default", in: "project1-development",
                ["metadata": ["annotations": ["eks.amazonaws.com/role-arn": nil]]])
        }

        private static func isBack(_ fleet: TestFleet<DevCluster>) async throws {
            try await eventually("the annotation is back") {
                try await fleet.annotation(1, "project1-development") == fleet.role
            }
        }

        private func settled(_ body: (TestFleet<DevCluster>, SquadronOperator) async throws -> Void) async throws {
            try await withSettledFleet(configure: { $0.watcher = .fast }, body)
        }

        @Test("After a watch was refused for a moment its kind is written again without a list")
        func watchRefused() async throws {
            try await settled { fleet, _ in
                fleet[1].requestLog.reset()
                fleet[1].faults.add(
                    .status(403), match: .init(verbs: ["watch"], resources: ["serviceaccounts"]), count: 1)
                fleet[1].endWatches(.inOrder)
                try await eventually("it was refused") { fleet[1].faults.totalHits > 0 }
                try await eventually("both are watched again") { fleet[1].requestLog.openWatches.count == 2 }
                try await Self.dropAnnotation(fleet)
                try await Self.isBack(fleet)
                try await fleet.admin.apply(assignment("project2", "staging"))
                try await fleet.settles(2)
                #expect(fleet[1].requestLog.count(verb: "list", userAgent: "squadron") == 0)
            }
        }

        @Test("One broken connection, with the watches on it, does not count as an outage")
        func brokenConnection() async throws {
            try await settled { fleet, _ in
                try await fleet.reports("ClusterRegistry", "flyte", "Ready", "Ready")
                let ready = try await fleet.conditions("DataPlane", "dataplane-1")["Ready"]
                let events = try await fleet.events(regarding: "dataplane-1", "DataPlane")
                let written = fleet.controlPlane.requestLog.writes(to: ["dataplanes/status"])
                for _ in 0..<5 {
                    fleet[1].endWatches(.reset)
                    try await eventually("both are watched again") { fleet[1].requestLog.openWatches.count == 2 }
                    // Longer than changes are coalesced for a status, and than a probe takes that was woken by it.
                    try await throughout(.milliseconds(500), "it stays Ready") {
                        try await fleet.conditions("DataPlane", "dataplane-1")["Ready"] == ready
                    }
                }
                #expect(try await fleet.events(regarding: "dataplane-1", "DataPlane") == events)
                #expect(fleet.controlPlane.requestLog.writes(to: ["dataplanes/status"]) == written)
                try await Self.dropAnnotation(fleet)
                try await Self.isBack(fleet)
            }
        }

        @Test("A rejected token stops lists and watches; a good one starts them at once")
        func rejectedToken() async throws {
            try await settled { fleet, _ in
                fleet[1].faults.add(.status(401), match: .init(userAgent: "squadron"))
                fleet[1].endWatches(.inOrder)
                try await fleet.reports(1, "CredentialsValid", "TokenRejected")
                fleet[1].requestLog.reset()
                try await throughout(.seconds(1), "only probes") {
                    fleet[1].requestLog.counts.keys.filter { $0.userAgent.contains("squadron") }.allSatisfy {
                        !["list", "watch", "patch"].contains($0.verb)
                    }
                }
                try await Self.dropAnnotation(fleet)
                fleet[1].faults.removeAll()
                try await Self.isBack(fleet)
                try await fleet.settles(1)
            }
        }

        @Test(
            "A kind that can't be listed, though all else works: Synced says which and why", arguments: ["500", "{}"])
        func failingList(_ answer: String) async throws {
            try await withFleet(of: 1, configure: { $0.watcher = .fast }) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                fleet[1].faults.add(
                    answer == "500" ? .status(500) : .emptyObject,
                    match: .init(verbs: ["list"], resources: ["serviceaccounts"]))
                try await fleet.operating { _ in
                    let message = try await fleet.reports(1, "Synced", "SyncFailed").message
                    #expect(message.contains("serviceaccounts"), "\(message)")
                    #expect(try await fleet.conditions("DataPlane", "dataplane-1")["Reachable"]?.status == "True")
                    fleet[1].faults.removeAll()
                    try await fleet.settles(1)
                }
            }
        }

        @Test("A kind that can be listed but not watched: Synced says so and doesn't flap")
        func failingWatch() async throws {
            try await withFleet(of: 1, configure: { $0.watcher = .fast }) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                let watches = FaultRule.Match(verbs: ["watch"], resources: ["serviceaccounts"])
                fleet[1].faults.add(.status(405), match: watches)
                // For that long after each list, nothing else is known.
                fleet[1].faults.add(.latency(.milliseconds(300)), match: watches)
                try await fleet.operating { _ in
                    let failed = try await fleet.reports(1, "Synced", "SyncFailed")
                    #expect(failed.message.contains("watch serviceaccounts"), "\(failed)")
                    fleet[1].requestLog.reset()
                    try await throughout(.seconds(3), "it stays so") {
                        let now = try await fleet.conditions("DataPlane", "dataplane-1")["Synced"]
                        return now?.status == "False" && now?.since == failed.since
                    }
                    #expect(fleet[1].requestLog.count(verb: "list", userAgent: "squadron") > 1)
                    fleet[1].faults.removeAll()
                    try await fleet.settles(1)
                }
            }
        }

        @Test("A Secret that may no longer be watched is reported: its content may be old")
        func secretsRefused() async throws {
            try await settled { fleet, _ in
                try await fleet.reports("ClusterRegistry", "flyte", "Ready", "Ready")
                fleet.controlPlane.faults.add(
                    .status(403),
                    match: .init(verbs: ["list", "watch"], resources: ["secrets"], userAgent: "squadron"))
                fleet.controlPlane.endWatches(.inOrder)
                let told = try await fleet.reports("ClusterRegistry", "flyte", "Ready", "SyncFailed").message
                #expect(told.contains("secrets/cluster-credentials"), "\(told)")
                fleet.controlPlane.faults.removeAll()
                try await fleet.reports("ClusterRegistry", "flyte", "Ready", "Ready")
            }
        }

        @Test("A newer duplicate is released when the older DataPlane moves, even to nowhere")
        func olderOneMoves() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                try await fleet.addSecondEntry()
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    try await fleet.admin.apply(
                        resource(
                            "DataPlane", "z-newer",
                            ["clusterName": "again", "endpoint": .string(fleet[1].url)]))
                    try await fleet.reports("DataPlane", "z-newer", "Ready", "DuplicateCluster")
                    try await fleet.admin.apply(fleet.dataPlane(1, ["endpoint": "https://127.0.0.1:1"]))
                    try await fleet.reports(1, "Reachable", "ConnectFailed")
                    try await fleet.reports("DataPlane", "z-newer", "Ready", "Ready")
                    try await fleet.admin.apply(assignment("project2", "development"))
                    try await eventually("the newer one writes from now on") {
                        try await fleet.annotation(1, "project2-development") == fleet.role
                    }
                }
            }
        }

        @Test("An older DataPlane that moves away leaves its first cluster to the newer one")
        func olderOneMovesOn() async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.delete("DataPlane", "dataplane-2")
                try await fleet.addSecondEntry()
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in
                    try await fleet.settles(1, 1)
                    try await fleet.admin.apply(
                        resource(
                            "DataPlane", "z-newer",
                            ["clusterName": "again", "endpoint": .string(fleet[1].url)]))
                    try await fleet.reports("DataPlane", "z-newer", "Ready", "DuplicateCluster")
                    try await fleet.admin.apply(
                        fleet.dataPlane(
                            1,
                            [
                                "endpoint": .string(fleet[2].url),
                                "credentials": [
                                    "tokenKey": "dataplane_2_token", "caCertKey": "dataplane_2_cacert",
                                ],
                            ]))
                    try await eventually("it is at the other one") {
                        try await fleet.annotation(2, "project1-development") == fleet.role
                    }
                    try await fleet.admin.apply(assignment("project2", "development"))
                    for number in 1...2 {
                        try await eventually("each writes to its own") {
                            try await fleet.annotation(number, "project2-development") == fleet.role
                        }
                    }
                }
            }
        }

        @Test("A project whose values are being read leaves what is in sync elsewhere as it is")
        func pendingValues() async throws {
            try await settled { fleet, squadron in
                try await fleet.admin.apply([
                    "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "later", "namespace": "flyte"],
                    "data": ["quota": "3"],
                ])
                fleet.controlPlane.faults.add(
                    .latency(.milliseconds(700)), match: .init(verbs: ["list"], resources: ["configmaps"]))
                try await fleet.admin.apply(
                    resource(
                        "FlyteProject", "team1",
                        [
                            "project": "team1", "domains": ["production"],
                            "valuesFrom": [["name": "quota", "configMapKeyRef": ["name": "later", "key": "quota"]]],
                        ]))
                try await throughout(.milliseconds(600), "what was in sync is so") {
                    squadron.metricsText.contains(
                        #"squadron_namespaces_synced{dataplane="dataplane-1"} 1"#)
                }
                try await fleet.settles(2)
            }
        }

        @Test("An object recreated while the control plane was unwatched counts as a new one")
        func madeAnew() async throws {
            try await settled { fleet, _ in
                let away = fleet.controlPlane.faults.add(
                    .status(503), match: .init(verbs: ["list", "watch"], resources: ["executionclusterlabels"]))
                fleet.controlPlane.endWatches(.gone)
                try await eventually("it can't be listed") { fleet.controlPlane.faults.totalHits > 0 }
                var object = assignment("project1", "development")
                let name = try #require(object[path: ["metadata", "name"]]?.string)
                try await fleet.admin.delete("ExecutionClusterLabel", name)
                object[path: ["spec", "project"]] = "project2"
                try await fleet.admin.apply(object)
                fleet.controlPlane.faults.remove(away)
                try await eventually("the new one is followed") {
                    try await fleet.annotation(1, "project2-development") == fleet.role
                }
            }
        }

        @Test("A DataPlane that breaks and is mended is still held to the cluster that it was")
        func malformedKeepsIdentity() async throws {
            try await settled { fleet, _ in
                let type = GroupResource("dataplanes", group: "multicluster.flyte.org")
                let good = try #require(try await fleet.admin.get("DataPlane", "dataplane-1"))
                let uid = try #require(good[path: ["status", "clusterUID"]]?.string)
                var bad = good
                bad[path: ["spec", "connection"]] = ["qps": "many"]
                bad[path: ["metadata", "generation"]] = 9
                fleet.controlPlane.store.put(type, bad)
                try await fleet.reports(1, "Ready", "Invalid")
                let status = try await fleet.admin.get("DataPlane", "dataplane-1")?["status"]
                #expect(status?["clusterUID"]?.string == uid)
                #expect(status?["endpoint"]?.string == fleet[1].url)
            }
        }

        @Test("SIGTERM ends it while the control plane is away and work is in flight")
        func endsWithoutControlPlane() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                let squadron = SquadronOperator(fleet.configuration(), logger: fleet.log.logger)
                let hasEnded = Locked(false)
                let run = Task {
                    try await squadron.run()
                    hasEnded.withLock { $0 = true }
                }
                defer { run.cancel() }
                try await fleet.settles(0)
                fleet[1].faults.add(.blackHole, match: .init(verbs: ["patch"]))
                try await fleet.admin.apply(assignment("project1", "development"))
                try await eventually("a write is in flight") { fleet[1].faults.totalHits > 0 }
                try await fleet.controlPlane.setAvailability(.refusing)
                squadron.shutDown()
                try await eventually("it leads no more") { !squadron.isLeader }
                try await eventually("it has ended") { hasEnded.withLock { $0 } }
            }
        }
    }
}
