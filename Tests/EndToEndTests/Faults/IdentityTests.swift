import DevCluster
import Fleet
import JSON
import TestSupport
import Testing

@testable import Operator

/// Another cluster, or another server, where the recorded one was.
extension EndToEnd.Faults.Safety {
    @Test("Another cluster behind the endpoint gets no write, also after a restart")
    func identity() async throws {
        try await withFleet(of: 1) { fleet in
            try await fleet.applyBasics()
            try await fleet.admin.apply(assignment("project1", "development"))
            try await fleet.operating { _ in
                try await fleet.settles(1)
                fleet[1].becomeAnotherCluster()
                let message = try await fleet.reports(1, "Ready", "IdentityChanged").message
                #expect(message.contains(fleet[1].uid))
                fleet[1].requestLog.reset()
                try await fleet.admin.apply(assignment("project2", "staging"))
                try await throughout(.seconds(1), "nothing is written") {
                    fleet[1].requestLog.writes(to: Self.everything) == 0
                }
            }
            try await fleet.operating { _ in
                try await throughout(.milliseconds(1_500), "nothing is written after a restart either") {
                    fleet[1].requestLog.writes(to: Self.everything) == 0
                }
                try await fleet.reports(1, "Ready", "IdentityChanged")
                // To accept it, the DataPlane is created again.
                try await fleet.admin.delete("DataPlane", "dataplane-1")
                try await fleet.admin.apply(fleet.dataPlane(1))
                try await fleet.settles(2)
                #expect(try await fleet.annotation(1, "project2-staging") == fleet.role)
            }
        }
    }

    @Test("A cluster that was exchanged while the operator was down gets no write")
    func identityWhileDown() async throws {
        try await withFleet(of: 1) { fleet in
            try await fleet.applyBasics()
            try await fleet.admin.apply(assignment("project1", "development"))
            try await fleet.operating { _ in try await fleet.settles(1) }
            fleet[1].becomeAnotherCluster()
            fleet[1].requestLog.reset()
            try await fleet.admin.apply(assignment("project2", "staging"))
            try await fleet.operating { _ in
                try await fleet.reports(1, "Ready", "IdentityChanged")
                #expect(fleet[1].requestLog.writes(to: Self.everything) == 0)
            }
        }
    }

    @Test("A DataPlane restored from a backup without its status still knows its cluster")
    func restoredFromBackup() async throws {
        try await withFleet(of: 1) { fleet in
            try await fleet.applyBasics()
            try await fleet.admin.apply(assignment("project1", "development"))
            try await fleet.operating { _ in
                try await fleet.settles(1)
                try await eventually("the cluster is noted") {
                    let object = try await fleet.admin.get("DataPlane", "dataplane-1")
                    let note = object?[path: ["metadata", "annotations"]]?[RecordedCluster.annotation]?.string
                    return note?.hasPrefix(fleet[1].uid) == true
                }
            }
            let kept = try #require(try await fleet.admin.get("DataPlane", "dataplane-1"))
            try await fleet.admin.delete("DataPlane", "dataplane-1")
            fleet[1].becomeAnotherCluster()
            fleet[1].requestLog.reset()
            var restored = fleet.dataPlane(1)
            restored[path: ["metadata", "annotations"]] = kept[path: ["metadata", "annotations"]]
            try await fleet.admin.apply(restored)
            try await fleet.operating { _ in
                try await fleet.reports(1, "Ready", "IdentityChanged")
                #expect(fleet[1].requestLog.writes(to: Self.everything) == 0)
            }
        }
    }

    @Test("What another cluster showed is forgotten when the recorded one is back")
    func identityReturns() async throws {
        try await withFleet(of: 1) { fleet in
            try await fleet.applyBasics()
            try await fleet.admin.apply(assignment("project1", "development"))
            try await fleet.operating { _ in try await fleet.settles(1) }
            let recorded = fleet[1].uid
            fleet[1].becomeAnotherCluster()
            // The first lists go out together with the first probe.
            try await fleet.operating { _ in
                try await fleet.reports(1, "Ready", "IdentityChanged")
                try await fleet[1].admin.delete("Namespace", "project1-development")
                fleet[1].requestLog.reset()
                fleet[1].becomeAnotherCluster(uid: recorded)
                try await fleet.settles(1)
                #expect(try await fleet.annotation(1, "project1-development") == fleet.role)
                let lists = fleet[1].requestLog.count(verb: "list", userAgent: "squadron")
                #expect(lists >= 2, "each kind is listed anew")
            }
        }
    }

    @Test("Back at its own cluster, it puts right the drift from the time of the other one")
    func driftMeanwhile() async throws {
        try await withSettledFleet { fleet, _ in
            let recorded = fleet[1].uid
            fleet[1].becomeAnotherCluster()
            fleet[1].endWatches(.reset)
            try await fleet.reports(1, "Ready", "IdentityChanged")
            try await fleet[1].admin.delete("Namespace", "project1-development")
            fleet[1].becomeAnotherCluster(uid: recorded)
            try await eventually("it is made again") {
                try await fleet.annotation(1, "project1-development") == fleet.role
            }
            try await fleet.settles(1)
        }
    }

    @Test("So is what was being written when the other one answered")
    func writtenMeanwhile() async throws {
        try await withSettledFleet { fleet, _ in
            let (server, recorded) = (fleet[1].admin, fleet[1].uid)
            func answered() -> Int {
                fleet[1].requestLog.count(verb: "patch", resource: "serviceaccounts", userAgent: "squadron")
            }
            let before = answered()
            let drip = fleet[1].faults.add(
                .slowDrip(bytes: 40, every: .milliseconds(150)),
                match: .init(verbs: ["patch"], resources: ["serviceaccounts"], namespaces: ["late-development"]))
            try await fleet.admin.apply(assignment("late", "development"))
            try await eventually("it is written") {
                try await fleet.annotation(1, "late-development") == fleet.role
            }
            fleet[1].faults.remove(drip)
            fleet[1].becomeAnotherCluster()
            try await fleet.reports(1, "Ready", "IdentityChanged")
            try await eventually("the answer has come") { answered() > before }
            try await server.delete("Namespace", "late-development")
            fleet[1].becomeAnotherCluster(uid: recorded)
            try await eventually("it is made again") {
                try await fleet.annotation(1, "late-development") == fleet.role
            }
        }
    }

    @Test("A token is never sent to a server that the stored CA does not verify")
    func foreignEndpoint() async throws {
        try await withFleet(of: 2) { fleet in
            try await fleet.applyBasics()
            try await fleet.admin.delete("DataPlane", "dataplane-2")
            try await fleet.operating { _ in
                try await fleet.settles(1, 0)
                fleet[2].requestLog.reset()
                try await fleet.admin.merge(
                    "DataPlane", "dataplane-1", ["spec": ["endpoint": .string(fleet[2].url)]])
                try await fleet.reports(1, "Reachable", "TLSUntrusted")
                #expect(fleet[2].requestLog.ofOperator == 0)
            }
        }
    }

    @Test(
        "A redirect is not followed: the other server sees neither a request nor a token",
        arguments: [302, 307, 308])
    func redirect(_ status: Int) async throws {
        try await withFleet(of: 2) { fleet in
            try await fleet.applyBasics()
            try await fleet.admin.delete("DataPlane", "dataplane-2")
            // The other server's certificate would do: only the redirect itself keeps the token from it.
            try await fleet.admin.merge(
                "Secret", "cluster-credentials",
                ["stringData": ["dataplane_1_cacert": .string(fleet[1].caPEM + "\n" + fleet[2].caPEM)]])
            try await fleet.admin.apply(assignment("project1", "development"))
            try await fleet.operating { _ in
                try await fleet.settles(1, 1)
                await fleet[2].resetConnections()
                fleet[2].requestLog.reset()
                let accepted = fleet[2].connections.accepted
                fleet[1].faults.add(.redirect(status, to: fleet[2].url), match: .init(userAgent: "squadron"))
                fleet[1].endWatches(.gone)
                try await fleet.admin.apply(assignment("project2", "staging"))
                let message = try await fleet.reports(1, "Reachable", "ServerError").message
                #expect(message.contains("\(status)"), "\(message)")
                try await throughout(.seconds(1), "nobody comes to the other server") {
                    fleet[2].requestLog.ofOperator == 0 && fleet[2].connections.accepted == accepted
                }
                fleet[1].faults.removeAll()
                try await fleet.settles(1, 2)
            }
        }
    }

    @Test("Without the right to read its Namespace it writes nothing and is IdentityUnknown")
    func identityUnknown() async throws {
        try await withFleet(of: 1) { fleet in
            for binding in try await fleet.admin.list("ClusterRoleBinding") {
                let name = binding[path: ["metadata", "name"]]?.string ?? ""
                if name.hasPrefix("squadron") { try await fleet.admin.delete("ClusterRoleBinding", name) }
            }
            let rules = try await fleet.admin.get("Role", "squadron")?["rules"]?.array ?? []
            let others = rules.filter { $0["resources"] != ["namespaces"] }
            #expect(others.count < rules.count)
            try await fleet.admin.merge("Role", "squadron", ["rules": .array(others)])
            try await fleet.applyBasics()
            try await fleet.admin.apply(assignment("project1", "development"))
            try await fleet.operating { _ in
                try await eventually("the registry says so") {
                    let registry = try await fleet.admin.get("ClusterRegistry", "flyte")
                    return Conditions(registry ?? [:])["Ready"]?.reason == "IdentityUnknown"
                }
                #expect(fleet[1].requestLog.writes(to: Self.everything) == 0)
                try await fleet.admin.merge("Role", "squadron", ["rules": .array(rules)])
                try await fleet.settles(1)
                let mark = "multicluster.flyte.org/control-plane-uid"
                let namespace = try await fleet[1].admin.get("Namespace", "project1-development")
                let uid = try await fleet.admin.get("Namespace", "flyte")?[path: ["metadata", "uid"]]
                #expect(namespace?[path: ["metadata", "annotations", mark]] == uid)
            }
        }
    }
}
