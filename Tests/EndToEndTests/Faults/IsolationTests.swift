import ControlLoop
import DevCluster
import JSON
import Support
import TestSupport
import Testing

@testable import Operator

extension EndToEnd.Alone {
    /// What happens to one data plane is felt by no other, and ends soon after its cause.
    @Suite("Isolation and recovery")
    struct Isolation {
        private let clock = ContinuousClock()

        @Test("A data plane that is dead at the start delays no other and completes once back")
        func deadBeforeStart() async throws {
            try await withFleet(of: 3, configure: { $0.probeInterval = .seconds(1) }) { fleet in
                try await fleet.applyBasics()
                for number in 1...20 { try await fleet.admin.apply(assignment("p\(number)", "development")) }
                fleet[2].link.isBlackHole = true
                try await fleet.operating { _ in
                    let others = try await clock.measure {
                        try await fleet.settles(1, 20)
                        try await fleet.settles(3, 20)
                    }
                    #expect(others < .seconds(3) * patience, "the others took \(others)")
                    try await fleet.reports(2, "Reachable", "Timeout")
                    fleet[2].link.isBlackHole = false
                    let back = try await clock.measure { try await fleet.settles(2, 20) }
                    // A probe interval, a probe, and the work.
                    #expect(back < .seconds(3) * patience, "it took \(back) after its return")
                }
                #expect(fleet[2].requestLog.writes(to: ["namespaces", "serviceaccounts"]) == 40)
            }
        }

        @Test("A data plane that goes silent converges within a probe interval after its return")
        func blackHoleWhileRunning() async throws {
            try await withSettledFleet(of: 2, [], configure: { $0.probeInterval = .seconds(1) }) { fleet, _ in
                fleet[2].link.isBlackHole = true
                for number in 1...10 { try await fleet.admin.apply(assignment("p\(number)", "development")) }
                try await fleet.settles(1, 10)
                try await fleet.reports(2, "Reachable", "Timeout")
                // Nothing was tried for this one, so no failure says why it waits.
                try await fleet.admin.apply(assignment("late", "development"))
                let late = try await fleet.reports(
                    "ExecutionClusterLabel", "late-development", "NamespaceSynced", "Pending")
                #expect(late.message.hasSuffix("; dataplane-2: Timeout"), "\(late)")
                fleet[2].link.isBlackHole = false
                let back = try await clock.measure { try await fleet.settles(2, 11) }
                #expect(back < .seconds(3) * patience, "it took \(back) after its return")
                #expect(try await fleet.annotation(2, "p7-development") == fleet.role)
            }
        }

        @Test("While the breaker is open, nothing is sent but the probe")
        func onlyProbes() async throws {
            try await withSettledFleet { fleet, _ in
                fleet[1].faults.add(.status(503))
                try await fleet.reports(1, "Reachable", "ServerError")
                fleet[1].requestLog.reset()
                try await fleet.admin.apply(assignment("project2", "staging"))
                let probe: Set<String> = [
                    "/readyz", "namespaces", "/version", "selfsubjectreviews", "selfsubjectrulesreviews",
                ]
                try await throughout(.milliseconds(1_500), "nothing but probes") {
                    fleet[1].requestLog.counts.keys.filter { $0.userAgent.contains("squadron") }.allSatisfy {
                        probe.contains($0.resource) && !["list", "watch", "patch"].contains($0.verb)
                    }
                }
                #expect(fleet[1].requestLog.count(resource: "/readyz", userAgent: "squadron") > 2)
                fleet[1].faults.removeAll()
                try await fleet.settles(2)
            }
        }

        @Test("A 401 reconnects at once with the credentials that are in the Secret by then")
        func unauthorized() async throws {
            try await withSettledFleet([], configure: { $0.probeInterval = .seconds(60) }) { fleet, _ in
                let old = try #require(try await fleet.token(1))
                let new = try await fleet[1].admin.token(of: "squadron")
                fleet[1].revoke(old)
                await fleet[1].resetConnections()
                try await fleet.reports(1, "CredentialsValid", "TokenRejected")
                let took = try await clock.measure {
                    try await fleet.admin.merge(
                        "Secret", "cluster-credentials", ["stringData": ["dataplane_1_token": .string(new)]])
                    try await fleet.admin.apply(assignment("project1", "development"))
                    try await fleet.settles(1)
                }
                #expect(took < .seconds(5) * patience, "the next probe would be in a minute; it took \(took)")
            }
        }

        @Test("A write whose answer is lost doesn't count as applied: the object is read again")
        func lostAnswer() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                let patches = FaultRule.Match(verbs: ["patch"])
                fleet[1].faults.add(.loseResponse, match: patches, rate: 0.5, count: 10)
                for number in 1...10 { try await fleet.admin.apply(assignment("p\(number)", "development")) }
                try await fleet.operating { _ in
                    try await fleet.settles(10)
                    #expect(fleet[1].faults.totalHits > 0, "no answer was lost: the test shows nothing")
                    for number in 1...10 {
                        #expect(try await fleet.annotation(1, "p\(number)-development") == fleet.role)
                    }
                    // Never processed at all: it must not count either.
                    fleet[1].faults.add(.resetBeforeProcessing, match: .init(verbs: ["patch"], names: ["x-staging"]))
                    try await fleet.admin.apply(assignment("x", "staging"))
                    let failure = try await eventually("it is a failure") {
                        try await fleet.failures(1).first ?? .null
                    } until: {
                        $0["namespace"] == "x-staging"
                    }
                    #expect(failure["reason"] == "ConnectFailed")
                    let counts = try await fleet.admin.get("DataPlane", "dataplane-1")?[path: ["status", "namespaces"]]
                    #expect(counts?["synced"] == 10)
                    fleet[1].faults.removeAll()
                    try await fleet.settles(11)
                    #expect(try await fleet.annotation(1, "x-staging") == fleet.role)
                }
            }
        }

        @Test("A write that is never answered runs into its time limit and is done again")
        func unanswered() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(fleet.dataPlane(1, ["connection": ["timeoutSeconds": 1]]))
                fleet[1].faults.add(.blackHole, match: .init(verbs: ["patch"]), count: 3)
                for number in 1...5 { try await fleet.admin.apply(assignment("p\(number)", "development")) }
                try await fleet.operating { _ in
                    try await fleet.settles(5)
                    #expect(fleet[1].faults.totalHits == 3, "each of the three was met")
                    for number in 1...5 {
                        #expect(try await fleet.annotation(1, "p\(number)-development") == fleet.role)
                    }
                }
            }
        }

        @Test("After 429 with Retry-After that object waits as long as asked; others go on")
        func retryAfter() async throws {
            var options = DevCluster.Options()
            options.requestRing = 500
            try await withFleet(of: 1, options: options) { fleet in
                try await fleet.applyBasics()
                fleet[1].faults.add(
                    .status(429, retryAfter: 2), match: .init(verbs: ["patch"], names: ["slow-development"]), count: 1)
                for project in ["slow", "a", "b", "c"] {
                    try await fleet.admin.apply(assignment(project, "development"))
                }
                try await fleet.operating { _ in
                    try await eventually("the others are there") {
                        try await fleet.annotation(1, "c-development") == fleet.role
                    }
                    let failure = try await eventually("the status tells") {
                        try await fleet.failures(1).first ?? .null
                    } until: {
                        $0["namespace"] == "slow-development"
                    }
                    #expect(failure["reason"] == "TooManyRequests")
                    try await fleet.settles(4)
                    let tries = fleet[1].requestLog.recent.filter {
                        $0.name == "slow-development" && $0.key.verb == "patch"
                    }
                    #expect(tries.map(\.key.status) == [429, 201])
                    #expect(tries[1].time - tries[0].time >= 2, "\(tries[1].time - tries[0].time) s")
                }
            }
        }

        @Test("A Retry-After of a day keeps an object back for ten minutes at most")
        func longRetryAfter() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                fleet[1].faults.add(
                    .status(429, retryAfter: 86_400), match: .init(verbs: ["patch"], names: ["slow-development"]),
                    count: 1)
                try await fleet.admin.apply(assignment("slow", "development"))
                try await fleet.operating { _ in
                    let failure = try await eventually("the status tells") {
                        try await fleet.failures(1).first ?? .null
                    } until: {
                        $0["namespace"] == "slow-development"
                    }
                    #expect(failure["message"]?.string?.hasSuffix("next try within 600 s") == true, "\(failure)")
                }
            }
        }

        @Test("A data plane with very much to do does not delay another's single object")
        func fairness() async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(fleet.dataPlane(1, ["connection": ["qps": 10, "burst": 1]]))
                for number in 1...300 { try await fleet.admin.apply(assignment("p\(number)", "development")) }
                try await fleet.operating { _ in
                    try await fleet.settles(2, 300, within: .seconds(60))
                    let before = fleet[1].requestLog.writes(to: ["namespaces", "serviceaccounts"])
                    try await fleet.admin.apply(assignment("fresh", "staging"))
                    try await eventually("the one without backlog has it") {
                        try await fleet.annotation(2, "fresh-staging") == fleet.role
                    }
                    // It is at most as late as a part of the other one's 600 objects, which take a minute.
                    let meanwhile = fleet[1].requestLog.writes(to: ["namespaces", "serviceaccounts"]) - before
                    #expect(meanwhile < 50, "\(meanwhile)")
                    // And in the one with the backlog, what is fresh goes before what the first list asked for.
                    try await eventually("it is there before the backlog is done", within: .seconds(15)) {
                        try await fleet.annotation(1, "fresh-staging") == fleet.role
                    }
                    let synced = try await fleet.admin.get("DataPlane", "dataplane-1")?[
                        path: ["status", "namespaces", "synced"]]?.int
                    #expect((synced ?? 0) < 250, "the backlog was done already: the test shows nothing")
                }
            }
        }

        @Test("Ten thousand pending objects of one data plane don't delay another's single one")
        func tenThousandPending() async throws {
            try await withFleet(of: 2) { fleet in
                let domains = (1...31).map { JSON.string("d\($0)") }
                try await fleet.applyBasics([
                    "syncScope": "Labelled", "defaultExecutionLabel": "label1",
                    "domains": .array(domains + ["staging"]),
                    "workloadIdentity": ["aws": ["roleARN": .string(fleet.role)]],
                ])
                try await fleet.admin.apply(
                    resource("ExecutionLabel", "label2", ["clusters": [["name": "dataplane_2", "weight": 1]]]))
                try await fleet.admin.apply(fleet.dataPlane(1, ["connection": ["qps": 20, "burst": 1]]))
                for number in 1...162 {
                    let name = "p\(number)"
                    try await fleet.admin.apply(
                        resource("FlyteProject", name, ["project": .string(name), "domains": .array(domains)]))
                }
                try await fleet.operating { _ in
                    func pending() async throws -> Int64 {
                        let counts = try await fleet.admin.get("DataPlane", "dataplane-1")?[
                            path: ["status", "namespaces"]]
                        return 2 * ((counts?["desired"]?.int ?? 0) - (counts?["synced"]?.int ?? 0))
                    }
                    try await eventually("it has its first backlog", within: .seconds(40)) {
                        try await pending() > 9_500 && fleet[1].requestLog.writes(to: ["namespaces"]) > 2
                    }
                    for number in 1...5 {
                        let before = fleet[1].requestLog.writes(to: ["namespaces", "serviceaccounts"])
                        try await fleet.admin.apply(assignment("fresh\(number)", "staging", value: "label2"))
                        try await eventually("the other one has it") {
                            try await fleet.annotation(2, "fresh\(number)-staging") == fleet.role
                        }
                        // Twenty a second are written there, of ten thousand.
                        let meanwhile = fleet[1].requestLog.writes(to: ["namespaces", "serviceaccounts"]) - before
                        #expect(meanwhile < 200, "number \(number): \(meanwhile)")
                    }
                    #expect(try await pending() > 9_000)
                }
            }
        }

        @Test(
            "A fresh change passes thousands of objects that wait for the rate limit",
            arguments: ["a new project-domain", "drift", "drift of one that is in flight"])
        func freshFirst(_ change: String) async throws {
            var options = DevCluster.Options()
            options.requestRing = 2_000
            // No other leader meanwhile: to the next one all of it is a first list.
            try await withFleet(of: 1, options: options, configure: { $0.election = ElectionConfiguration() }) {
                fleet in
                let domains = (1...30).map { JSON.string("d\($0)") }
                try await fleet.applyBasics([
                    "workloadIdentity": ["aws": ["roleARN": .string(fleet.role)]],
                    "domains": .array(domains + ["staging"]),
                ])
                try await fleet.admin.apply(assignment("settled", "staging"))
                try await fleet.operating { _ in try await fleet.settles(1) }
                try await fleet.admin.apply(fleet.dataPlane(1, ["connection": ["qps": 20, "burst": 1]]))
                for number in 1...50 {
                    try await fleet.admin.apply(
                        resource(
                            "FlyteProject", "p\(number)",
                            ["project": .string("p\(number)"), "domains": .array(domains)]))
                }
                func written(_ namespace: String) -> Int {
                    fleet[1].requestLog.recent.count {
                        $0.key.verb == "patch" && $0.key.resource == "serviceaccounts" && $0.namespace == namespace
                    }
                }
                try await fleet.operating { _ in
                    try await eventually("it is in the middle of its first list") {
                        fleet[1].requestLog.count(verb: "patch", userAgent: "squadron") > 60
                    }
                    let namespace: String
                    fleet[1].requestLog.reset()
                    switch change {
                    case "drift":
                        namespace = "settled-staging"
                        try await fleet[1].admin.merge(
                            "ServiceAccount", "default", in: namespace,
                            ["metadata": ["annotations": ["eks.amazonaws.com/role-arn": nil]]])
                    case "a new project-domain":
                        namespace = "fresh-staging"
                        try await fleet.admin.apply(assignment("fresh", "staging"))
                    default:
                        // One whose Namespace is written waits for the token of its ServiceAccount.
                        namespace = try await eventually("one is begun") {
                            fleet[1].requestLog.recent.last {
                                $0.key.resource == "namespaces" && $0.key.verb == "patch" && written($0.name) == 0
                            }?.name ?? ""
                        } until: {
                            !$0.isEmpty
                        }
                        fleet[1].requestLog.reset()
                        try await fleet[1].admin.merge(
                            "Namespace", namespace, ["metadata": ["labels": ["multicluster.flyte.org/domain": nil]]])
                    }
                    try await eventually("it is written", within: .seconds(20)) { written(namespace) > 0 }
                    let order = fleet[1].requestLog.recent.filter { $0.key.verb == "patch" }
                    let place = try #require(order.firstIndex { $0.namespace == namespace })
                    // Its own Namespace, what went out before it was heard of, and every eighth token.
                    #expect(place < 12 * patience, "\(place) writes went before it")
                    let total = try await fleet.admin.get("DataPlane", "dataplane-1")?[
                        path: ["status", "namespaces", "synced"]]?.int
                    #expect((total ?? 0) < 1_000, "the first list was done already: the test shows nothing")
                }
            }
        }

        @Test(
            "A watch that ends, breaks or lies loses nothing: missed changes are put right",
            arguments: [Fault.watchGone, .watchEnd, .resetInBody, .truncateBody])
        func brokenWatches(_ fault: Fault) async throws {
            try await withSettledFleet(configure: { $0.watcher = .fast }) { fleet, _ in
                for round in 1...3 {
                    fleet[1].faults.add(fault, match: .init(verbs: ["watch"]), count: 2)
                    fleet[1].endWatches(round == 1 ? .inOrder : round == 2 ? .gone : .reset)
                    try await fleet[1].admin.merge(
                        "ServiceAccount", "default", in: "project1-development",
                        ["metadata": ["annotations": ["eks.amazonaws.com/role-arn": nil]]])
                    try await eventually("the annotation is back") {
                        try await fleet.annotation(1, "project1-development") == fleet.role
                    }
                    try await eventually("both watches have met the fault") {
                        fleet[1].faults.totalHits == 2 * round
                    }
                }
            }
        }

        @Test("A watch that is silent past its bookmarks is replaced")
        func silentWatch() async throws {
            try await withSettledFleet(configure: { $0.watcher = .fast }) { fleet, _ in
                let stuck = fleet[1].faults.add(.watchStuck, match: .init(resources: ["serviceaccounts"]))
                try await fleet[1].admin.merge(
                    "ServiceAccount", "default", in: "project1-development",
                    ["metadata": ["annotations": ["eks.amazonaws.com/role-arn": nil]]])
                try await eventually("the silence is noticed") {
                    fleet.log.lines.contains { $0.contains("watch silent, replaced") }
                }
                fleet[1].faults.remove(stuck)
                try await eventually("the annotation is back") {
                    try await fleet.annotation(1, "project1-development") == fleet.role
                }
            }
        }

        @Test("Data planes stay synced while the control plane is away; missed changes follow")
        func controlPlaneAway() async throws {
            try await withSettledFleet { fleet, squadron in
                fleet[1].requestLog.reset()
                try await fleet.controlPlane.setAvailability(.refusing)
                try await eventually("it leads no more") { !squadron.isLeader }
                try await fleet.controlPlane.setAvailability(.serving)
                try await fleet.admin.apply(assignment("project2", "staging"))
                try await fleet.settles(2)
                #expect(fleet[1].requestLog.writes(to: ["namespaces", "serviceaccounts"]) == 2)
            }
        }
    }
}
