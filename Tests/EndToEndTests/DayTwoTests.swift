import DevCluster
import Fleet
import Foundation
import JSON
import Support
import Testing

extension EndToEnd.Syncing {
    @Suite("Day two")
    struct DayTwo {
        @Test("Data planes and Secret keys that arrive at run time are synced without a restart")
        func added() async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.admin.delete("DataPlane", "dataplane-2")
                try await fleet.admin.merge(
                    "Secret", "cluster-credentials", ["data": ["dataplane_2_token": nil, "dataplane_2_cacert": nil]])
                try await fleet.operating { _ in
                    try await fleet.settles(1, 1)
                    let before = fleet[1].connections.accepted
                    try await fleet.admin.apply(fleet.dataPlane(2))
                    let message = try await fleet.reports(2, "CredentialsValid", "TokenMissing").message
                    #expect(message.contains("dataplane_2_token"))
                    try await fleet.enroll(2)
                    try await fleet.settles(2, 1)
                    #expect(try await fleet.annotation(2, "project1-development") == fleet.role)
                    #expect(fleet[1].connections.accepted == before, "the other data plane was connected anew")
                }
            }
        }

        @Test("A rotated token is used without a restart, a new connection, a list or a watch")
        func token() async throws {
            try await withSettledFleet(of: 2) { fleet, _ in
                let old = try #require(try await fleet.token(1))
                let new = try await fleet[1].admin.token(of: "squadron")
                let (first, second) = (fleet[1].connections.accepted, fleet[2].connections.accepted)
                fleet[1].requestLog.reset()
                try await fleet.admin.merge(
                    "Secret", "cluster-credentials", ["stringData": ["dataplane_1_token": .string(new)]])
                let fingerprint = Fingerprint.of(Sensitive(new))
                try await eventually("the new token is in use") {
                    let status = try await fleet.admin.get("DataPlane", "dataplane-1")?["status"]
                    return status?[path: ["credential", "fingerprint"]] == .string(fingerprint)
                }
                fleet[1].revoke(old)
                try await fleet.admin.apply(assignment("project2", "staging"))
                try await fleet.settles(2)
                #expect(fleet[1].connections.accepted == first)
                #expect(try await fleet.annotation(1, "project2-staging") == fleet.role)
                #expect(fleet[2].connections.accepted == second, "the other data plane was connected anew")
                let log = fleet[1].requestLog
                #expect(log.count(verb: "list", userAgent: "squadron/") == 0)
                #expect(log.count(verb: "watch", userAgent: "squadron/") == 0)
                #expect(log.count(userAgent: "squadron", status: 401) == 0)
            }
        }

        @Test("A rotated certificate authority is followed when the Secret has the new one")
        func authority() async throws {
            try await withSettledFleet(of: 2) { fleet, _ in
                let second = fleet[2].connections.accepted
                try await fleet[1].rotateCertificate(newAuthority: true)
                try await fleet.reports(1, "Reachable", "TLSUntrusted")
                try await fleet.admin.merge(
                    "Secret", "cluster-credentials", ["stringData": ["dataplane_1_cacert": .string(fleet[1].caPEM)]]
                )
                try await fleet.settles(1)
                try await fleet.admin.apply(assignment("project2", "staging"))
                try await fleet.settles(2)
                #expect(fleet[2].connections.accepted == second, "the other data plane was connected anew")
            }
        }

        @Test("New credentials that fail leave the old ones in use, and the condition says so")
        func badRotation() async throws {
            try await withSettledFleet([]) { fleet, _ in
                let old = try #require(try await fleet.token(1))
                let stranger = fleet[1].makeToken(user: "stranger")
                fleet[1].revoke(stranger)
                try await fleet.admin.merge(
                    "Secret", "cluster-credentials", ["stringData": ["dataplane_1_token": .string(stranger)]])
                let message = try await fleet.reports(1, "CredentialsValid", "TokenRejected").message
                #expect(message.contains("old ones stay in use"))
                try await fleet.admin.apply(assignment("project1", "development"))
                try await eventually("the namespace is made with the old token") {
                    try await fleet.annotation(1, "project1-development") == fleet.role
                }
                try await fleet.admin.merge(
                    "Secret", "cluster-credentials", ["stringData": ["dataplane_1_token": .string(old)]])
                try await fleet.settles(1)
            }
        }

        @Test("New credentials are reviewed before the old connection closes; refused ones wait")
        func reviewedRotation() async throws {
            try await withSettledFleet([]) { fleet, _ in
                let new = try await fleet[1].admin.token(of: "squadron")
                let reviews = FaultRule.Match(resources: ["selfsubjectreviews"], userAgent: "squadron")
                fleet[1].faults.add(.status(401), match: reviews)
                try await fleet.admin.merge(
                    "Secret", "cluster-credentials", ["stringData": ["dataplane_1_token": .string(new)]])
                let condition = try await fleet.reports(1, "CredentialsValid", "TokenRejected")
                #expect(condition.message.contains("old ones stay in use"), "\(condition)")
                // The old connection works on.
                try await fleet.admin.apply(assignment("project1", "development"))
                try await eventually("the namespace is made") {
                    try await fleet.annotation(1, "project1-development") == fleet.role
                }
                fleet[1].faults.removeAll()
                try await fleet.reports(1, "CredentialsValid", "Valid")
                try await fleet.settles(1)
            }
        }

        @Test("A changed role reaches every data plane, with one write per ServiceAccount")
        func role() async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.applyBasics()
                for project in ["a", "b", "c"] { try await fleet.admin.apply(assignment(project, "development")) }
                try await fleet.operating { _ in
                    try await fleet.settles(3)
                    for server in fleet.dataPlanes { server.requestLog.reset() }
                    try await fleet.admin.merge(
                        "ClusterRegistry", "flyte", ["spec": ["workloadIdentity": ["aws": ["roleARN": "arn:new"]]]])
                    for number in 1...2 {
                        for project in ["a", "b", "c"] {
                            try await eventually("the new role of \(project) on data plane \(number)") {
                                try await fleet.annotation(number, "\(project)-development") == "arn:new"
                            }
                        }
                    }
                    try await fleet.settles(3)
                    for server in fleet.dataPlanes {
                        #expect(server.requestLog.writes(to: ["serviceaccounts"]) == 3)
                        #expect(server.requestLog.writes(to: ["namespaces"]) == 0)
                    }
                }
            }
        }

        @Test("A removed role is removed from the ServiceAccounts")
        func noRole() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.merge(
                    "DataPlane", "dataplane-1", ["spec": ["workloadIdentity": ["gcp": ["serviceAccount": "g"]]]])
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    #expect(
                        try await fleet.annotation(1, "project1-development", "iam.gke.io/gcp-service-account") == "g")
                    // The provider changes: the one annotation goes, the other comes.
                    try await fleet.admin.merge("DataPlane", "dataplane-1", ["spec": ["workloadIdentity": nil]])
                    try await eventually("the registry's role") {
                        try await fleet.annotation(1, "project1-development") == fleet.role
                    }
                    #expect(
                        try await fleet.annotation(1, "project1-development", "iam.gke.io/gcp-service-account") == nil)
                }
            }
        }

        @Test("After an endpoint change the new server gets everything, the old one nothing")
        func endpoint() async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.delete("DataPlane", "dataplane-2")
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in
                    try await fleet.settles(1, 1)
                    try await fleet.admin.merge(
                        "Secret", "cluster-credentials",
                        [
                            "stringData": [
                                "dataplane_1_token": .string(try await fleet.token(2) ?? ""),
                                "dataplane_1_cacert": .string(fleet[2].caPEM),
                            ]
                        ])
                    try await fleet.admin.merge(
                        "DataPlane", "dataplane-1", ["spec": ["endpoint": .string(fleet[2].url)]])
                    try await eventually("everything is on the other server") {
                        try await fleet.annotation(2, "project1-development") == fleet.role
                    }
                    try await fleet.settles(1, 1)
                    let status = try await fleet.admin.get("DataPlane", "dataplane-1")?["status"]
                    #expect(status?["clusterUID"] == .string(fleet[2].uid))
                    #expect(try await fleet[1].admin.get("Namespace", "project1-development") != nil)
                    fleet[1].requestLog.reset()
                    try await throughout(.seconds(1), "the old server is asked nothing") {
                        fleet[1].requestLog.ofOperator == 0
                    }
                }
            }
        }

        @Test("Changed weights show in the label and cost no request to a data plane")
        func weights() async throws {
            try await withSettledFleet(of: 2, []) { fleet, _ in
                try await fleet.reports("ExecutionLabel", "label1", "Ready", "Resolved")
                let reconnects = fleet.dataPlanes.map(\.connections.accepted)
                try await fleet.admin.merge(
                    "ExecutionLabel", "label1",
                    [
                        "spec": [
                            "clusters": [
                                ["name": "dataplane_1", "weight": 0.25], ["name": "dataplane_2", "weight": 0.75],
                            ]
                        ]
                    ])
                try await eventually("the new weights in the status") {
                    try await fleet.admin.get("ExecutionLabel", "label1")?[path: ["status", "clusters"]] ?? .null
                } until: {
                    $0 == [
                        ["name": "dataplane_1", "weight": 0.25, "state": "Ready"],
                        ["name": "dataplane_2", "weight": 0.75, "state": "Ready"],
                    ]
                }
                #expect(fleet.dataPlanes.map(\.connections.accepted) == reconnects)
                #expect(fleet.dataPlanes.allSatisfy { $0.requestLog.writes(to: ["namespaces"]) == 0 })
            }
        }

        @Test("A disabled data plane gets no request and says so; enabled, it catches up")
        func disabled() async throws {
            try await withSettledFleet { fleet, _ in
                try await fleet.admin.merge("DataPlane", "dataplane-1", ["spec": ["enabled": false]])
                try await fleet.reports(1, "Ready", "Disabled")
                try await fleet.reports("ExecutionLabel", "label1", "Ready", "ClusterDisabled")
                try await eventually("its connections are closed") { fleet[1].requestLog.openWatches.isEmpty }
                fleet[1].requestLog.reset()
                try await fleet.admin.apply(assignment("project2", "staging"))
                try await throughout(.seconds(1), "nothing is asked") { fleet[1].requestLog.ofOperator == 0 }
                #expect(try await fleet[1].admin.get("Namespace", "project1-development") != nil)
                try await fleet.admin.merge("DataPlane", "dataplane-1", ["spec": ["enabled": true]])
                try await fleet.settles(2)
                try await fleet.reports("ExecutionLabel", "label1", "Ready", "Resolved")
            }
        }

        @Test("New settings that fail say what is wrong; the old connection goes on working")
        func badSettings() async throws {
            try await withSettledFleet { fleet, _ in
                try await fleet.admin.merge(
                    "DataPlane", "dataplane-1", ["spec": ["connection": ["tlsServerName": "other.example.com"]]])
                let told = try await fleet.reports(1, "Reachable", "TLSNameMismatch").message
                #expect(told.contains("the old connection stays in use"), "\(told)")
                let conditions = try await fleet.conditions("DataPlane", "dataplane-1")
                #expect(conditions["CredentialsValid"]?.reason == "Valid" && conditions["Ready"]?.status == "False")
                try await fleet.admin.apply(assignment("project2", "development"))
                try await eventually("the old connection writes") {
                    try await fleet.annotation(1, "project2-development") == fleet.role
                }
                try await fleet.reports(1, "Synced", "InSync")
                try await fleet.admin.merge(
                    "DataPlane", "dataplane-1", ["spec": ["connection": ["tlsServerName": nil]]])
                try await fleet.settles(2)
            }
        }

        @Test("What is said of a generation is about that generation")
        func ownGeneration() async throws {
            try await withSettledFleet { fleet, _ in
                for number in 1...10 {
                    try await fleet.admin.apply(assignment("new\(number)", "staging"))
                    try await fleet.admin.apply(
                        resource(
                            "FlyteProject", "fp\(number)", ["project": .string("fp\(number)"), "domains": ["staging"]]))
                }
                try await fleet.settles(21)
                for number in 1...10 {
                    for (kind, name) in [
                        ("ExecutionClusterLabel", "new\(number)-staging"), ("FlyteProject", "fp\(number)"),
                    ] {
                        let events = try await fleet.events(regarding: name, kind)
                        #expect(!events.contains { $0.contains("InvalidName") }, "\(events)")
                    }
                }
                for round in 1...10 {
                    let isKnown = round.isMultiple(of: 2)
                    let cluster = isKnown ? "dataplane_1" : "nowhere"
                    try await fleet.admin.merge(
                        "ExecutionLabel", "label1", ["spec": ["clusters": [["name": .string(cluster), "weight": 1]]]])
                    let seen = try await eventually("it is told of") {
                        let object = try await fleet.admin.get("ExecutionLabel", "label1")
                        let isCurrent =
                            object?[path: ["status", "observedGeneration"]]
                            == object?[path: ["metadata", "generation"]]
                        return isCurrent ? Conditions(object)["Ready"]?.reason : nil
                    } until: {
                        $0 != nil
                    }
                    #expect(seen == (isKnown ? "Resolved" : "UnknownCluster"))
                }
            }
        }

        @Test("A status that somebody edits or takes away is written again, of every kind")
        func statusTakenAway() async throws {
            try await withSettledFleet { fleet, _ in
                try await fleet.admin.apply(
                    resource("FlyteProject", "team", ["project": "team", "domains": ["staging"]]))
                try await fleet.settles(2)
                let objects = [
                    ("DataPlane", "dataplane-1"), ("ExecutionLabel", "label1"),
                    ("ExecutionClusterLabel", "project1-development"), ("FlyteProject", "team"),
                    ("ClusterRegistry", "flyte"),
                ]
                func allSayReady() async throws {
                    for (kind, name) in objects {
                        try await eventually("\(kind) says that it is ready") {
                            Conditions(try await fleet.admin.get(kind, name))["Ready"]?.status == "True"
                        }
                    }
                }
                try await allSayReady()
                for change in [["conditions": nil, "observedGeneration": 99], nil] as [JSON] {
                    for (kind, name) in objects {
                        try await fleet.admin.merge(kind, name, ["status": change], subresource: "status")
                    }
                    try await allSayReady()
                }
            }
        }

        @Test("So is one that says what is wrong with an object")
        func statusOfUnusableTakenAway() async throws {
            try await withSettledFleet { fleet, _ in
                try await fleet.admin.apply(
                    resource("FlyteProject", "bad", ["project": "bad", "values": ["a b": "x"]]))
                try await fleet.reports("FlyteProject", "bad", "Ready", "Invalid")
                try await fleet.admin.merge("FlyteProject", "bad", ["status": nil], subresource: "status")
                try await fleet.reports("FlyteProject", "bad", "Ready", "Invalid")
            }
        }

        @Test("What is wanted no more stays: nothing in a data plane is ever deleted")
        func removed() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply([assignment("project1", "development"), assignment("b", "staging")])
                try await fleet.operating { _ in
                    try await fleet.settles(2)
                    try await fleet.admin.delete("ExecutionClusterLabel", "project1-development")
                    try await fleet.settles(1)
                    try await fleet.admin.delete("DataPlane", "dataplane-1")
                    try await eventually("its connections are closed") { fleet[1].requestLog.openWatches.isEmpty }
                }
                #expect(try await fleet.annotation(1, "project1-development") == fleet.role)
                #expect(fleet[1].requestLog.count(verb: "delete", userAgent: "squadron") == 0)
            }
        }
    }
}

extension TestFleet<DevCluster> {
    /// The token of a data plane in the Secret.
    func token(_ number: Int) async throws -> String? {
        let data = try await self[number].admin.get("Secret", "squadron-token")?[path: ["data", "token"]]?.string
        return data.flatMap { Data(base64Encoded: $0) }.map { String(decoding: $0, as: UTF8.self) }
    }
}
