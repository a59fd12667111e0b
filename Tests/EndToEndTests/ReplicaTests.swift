import DevCluster
import JSON
import Kube
import Support
import Testing

@testable import Operator

extension EndToEnd.Syncing {
    @Suite("Several replicas")
    struct Replicas {
        @Test("One of two leads; after an orderly end the other leads before the Lease ends")
        func handOver() async throws {
            try await withFleet(
                of: 1,
                configure: {
                    // Longer than the test waits: only a release hands it over.
                    $0.election = .init(
                        leaseDuration: .seconds(60), renewDeadline: .seconds(50), retryPeriod: .milliseconds(200))
                }
            ) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { second in
                    // The second one of these two leads or follows, as it comes: both are looked at.
                    try await fleet.operating { first in
                        try await fleet.settles(1)
                        let leaders = [first, second].count { $0.isLeader }
                        #expect(leaders == 1)
                        if first.isLeader { return }
                        second.shutDown()
                        try await eventually("the other one leads", within: .seconds(10)) {
                            first.isLeader
                        }
                    }
                    try await eventually("one of them leads", within: .seconds(10)) {
                        let holder = try await fleet.holder()
                        return second.isLeader || holder == ""
                    }
                }
                #expect(try await fleet.holder() == "", "the lease is released at the end")
                #expect(fleet[1].requestLog.writes(to: ["namespaces", "serviceaccounts"]) == 2)
            }
        }

        @Test("A leader that can't renew stops writing; its successor repeats no write")
        func takenOver() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                let token = try await fleet.admin.token(of: "squadron")
                var endpoint = fleet.configuration().endpoint
                endpoint.authorization = StaticToken(Sensitive(token))
                try await fleet.operating(endpoint: endpoint) { first in
                    try await fleet.settles(1)
                    #expect(first.isLeader)
                    try await fleet.operating { second in
                        // Its account is refused from here on: it can neither renew nor hear of anything.
                        fleet.controlPlane.revoke(token)
                        await fleet.controlPlane.resetConnections()
                        try await eventually("the other one leads") {
                            second.isLeader
                        }
                        #expect(!first.isLeader, "two leaders at once")
                        try await fleet.admin.apply(assignment("project2", "staging"))
                        try await fleet.settles(2)
                        #expect(fleet[1].requestLog.writes(to: ["namespaces", "serviceaccounts"]) == 4)
                        #expect(!first.isLeader)
                    }
                }
            }
        }

        @Test("Shutting down finishes the writes in flight and releases the lease")
        func drain() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                fleet[1].faults.add(.latency(.milliseconds(700)), match: .init(verbs: ["patch"]))
                for number in 1...8 { try await fleet.admin.apply(assignment("p\(number)", "development")) }
                try await fleet.operating { squadron in
                    try await eventually("writes are in flight") { fleet[1].requestLog.inFlight.now >= 8 }
                    squadron.shutDown()
                }
                #expect(try await fleet.holder() == "")
                let answered = fleet[1].requestLog.count(
                    verb: "patch", resource: "namespaces", userAgent: "squadron", status: 201)
                #expect(answered == 8, "what was in flight has got its answer")
                #expect(fleet[1].requestLog.count(verb: "patch", userAgent: "squadron", status: 0) == 0)
            }
        }

        @Test("A shutdown sends nothing that waits for the rate limit; the next leader does")
        func drainAtTheLimit() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.merge(
                    "DataPlane", "dataplane-1", ["spec": ["connection": ["qps": 1, "burst": 1]]])
                for number in 1...20 { try await fleet.admin.apply(assignment("p\(number)", "development")) }
                let writes = { fleet[1].requestLog.writes(to: ["namespaces", "serviceaccounts"]) }
                var before = 0
                try await fleet.operating { squadron in
                    try await eventually("the first ones are written") { writes() >= 2 }
                    before = writes()
                    squadron.shutDown()
                }
                #expect(try await fleet.holder() == "")
                #expect(writes() - before <= 2, "of forty")
            }
        }
    }
}

extension SquadronOperator {
    var isLeader: Bool { metricsText.contains("\nsquadron_leader 1\n") }
}

extension TestFleet {
    /// The holder of the Lease. Empty when it is released.
    func holder() async throws -> String? {
        try await admin.get("Lease", "squadron")?[path: ["spec", "holderIdentity"]]?.string ?? ""
    }
}
