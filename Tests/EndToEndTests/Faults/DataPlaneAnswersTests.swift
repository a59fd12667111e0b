import DevCluster
import JSON
import Support
import TestSupport
import Testing

extension EndToEnd.Faults {
    /// A bad answer about one object, one kind or one server of a data plane must not affect the rest of it.
    @Suite("Answers of a data plane")
    struct DataPlaneAnswers {
        private static let key = "eks.amazonaws.com/role-arn"

        private func probes(_ fleet: TestFleet<DevCluster>) -> Int {
            fleet[1].requestLog.count(resource: "/readyz", userAgent: "squadron")
        }

        @Test("A write that a webhook answers with 401 is that object's failure alone")
        func unauthorizedWrite() async throws {
            try await withSettledFleet { fleet, _ in
                fleet[1].faults.add(
                    .refusal(401, reason: "Unauthorized", message: "admission webhook \"w\" denied the request"),
                    match: .init(verbs: ["patch"], names: ["bad-development"]))
                fleet[1].requestLog.reset()
                try await fleet.admin.apply([assignment("bad", "development"), assignment("good", "development")])
                let failure = try await eventually("it is told") {
                    try await fleet.failures(1).first ?? .null
                } until: {
                    $0["reason"] == "Forbidden"
                }
                #expect(failure["namespace"] == "bad-development")
                try await eventually("the other one is in sync") {
                    try await fleet.annotation(1, "good-development") == fleet.role
                }
                try await throughout(.seconds(2), "the token is taken") {
                    try await fleet.conditions("DataPlane", "dataplane-1")["CredentialsValid"]?.status == "True"
                }
                let tries = fleet[1].requestLog.recent.filter { $0.name == "bad-development" }.count
                #expect(tries <= 2, "it has patience")
                #expect(fleet[1].requestLog.count(verb: "list", userAgent: "squadron") == 0)
            }
        }

        @Test("Where one of several API servers refuses the token, work goes on")
        func oneServerRefuses() async throws {
            try await withSettledFleet { fleet, _ in
                fleet[1].faults.add(.status(401), match: .init(userAgent: "squadron"), rate: 0.3)
                for number in 1...3 {
                    try await fleet.admin.apply(assignment("more\(number)", "development"))
                    try await eventually("more\(number) is in the data plane") {
                        try await fleet.annotation(1, "more\(number)-development") == fleet.role
                    }
                }
            }
        }

        @Test("A slow data plane is Timeout until probeTimeoutSeconds allows for it")
        func slow() async throws {
            try await withFleet { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(fleet.dataPlane(1, ["connection": ["probeTimeoutSeconds": 1]]))
                fleet[1].faults.add(.latency(.milliseconds(1_500)), match: .init(resources: ["/readyz"]))
                try await fleet.operating { _ in
                    try await fleet.reports(1, "Reachable", "Timeout")
                    try await fleet.admin.apply(
                        fleet.dataPlane(1, ["connection": ["probeTimeoutSeconds": .int(Int64(10 * patience))]]))
                    try await fleet.settles(0)
                }
            }
        }

        @Test("A webhook that is away leads to no more probes; once it is back, all is in sync")
        func brokenWebhook() async throws {
            try await withSettledFleet(configure: { $0.probeInterval = .seconds(1) }) { fleet, _ in
                fleet[1].faults.add(.status(500), match: .init(verbs: ["patch"]))
                for number in 0..<30 { try await fleet.admin.apply(assignment("p\(number)", "development")) }
                try await eventually("all have failed") {
                    try await fleet.admin.get("DataPlane", "dataplane-1")?[path: ["status", "namespaces", "failed"]]
                        == 30
                }
                // Until the backoffs have grown.
                try await eventually("they were tried four times") {
                    (try await fleet.failures(1).first?["attempts"]?.int ?? 0) >= 4
                }
                fleet[1].requestLog.reset()
                fleet.controlPlane.requestLog.reset()
                try await throughout(.seconds(4), "it can be reached") {
                    try await fleet.conditions("DataPlane", "dataplane-1")["Reachable"]?.status == "True"
                }
                #expect(probes(fleet) <= 6, "\(probes(fleet)) probes in four intervals")
                let statuses = fleet.controlPlane.requestLog.writes(to: ["dataplanes/status"])
                #expect(statuses <= 6, "\(statuses) statuses in four intervals")
                fleet[1].faults.removeAll()
                try await fleet.settles(1, 31, within: .seconds(3))
            }
        }

        @Test("A server that fails only its check `shutdown` is reachable and reconnected")
        func shuttingDown() async throws {
            try await withSettledFleet { fleet, _ in
                let before = fleet[1].connections.accepted
                fleet[1].faults.add(.failedChecks(["shutdown"]))
                try await eventually("a new connection is made") { fleet[1].connections.accepted > before + 1 }
                try await throughout(.seconds(1), "it stays Ready") {
                    try await fleet.conditions("DataPlane", "dataplane-1")["Ready"]?.status == "True"
                }
                try await fleet.admin.apply(assignment("project2", "development"))
                try await fleet.settles(2)
                fleet[1].faults.removeAll()
                fleet[1].faults.add(.failedChecks(["etcd", "shutdown"]))
                try await fleet.reports(1, "Reachable", "ServerError")
            }
        }

        @Test("An aggregated API whose server is away keeps back its own kind only")
        func aggregatedAPI() async throws {
            try await withFleet(of: 1) { fleet in
                var files = FlyteTemplates.files
                files["z.yaml"] = "{apiVersion: away.example.org/v1, kind: Thing, metadata: {name: t}}"
                fleet[1].faults.add(.status(503), match: .init(resources: ["/apis/away.example.org/v1"]))
                try await fleet.applyTemplates(files, rights: FlyteTemplates.allRights)
                try await fleet.operating { _ in
                    let told = try await fleet.reports(1, "Synced", "SyncFailed").message
                    #expect(told.contains("ServerError") && told.contains("Thing"), "\(told)")
                    try await eventually("the other kinds are applied") {
                        try await fleet[1].admin.get("ResourceQuota", "project-quota", in: "project1-development")
                            != nil
                    }
                }
            }
        }

        @Test("The next probes notice rights that are removed in a settled fleet")
        func revoked() async throws {
            try await withSettledFleet { fleet, _ in
                try await fleet[1].admin.delete("ClusterRoleBinding", "squadron")
                try await fleet.reports(1, "Authorized", "PermissionsMissing")
            }
        }

        @Test("An account that may not ask what it may do is judged by what works")
        func noReviews() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                fleet[1].faults.add(
                    .status(403),
                    match: .init(resources: ["selfsubjectrulesreviews", "selfsubjectaccessreviews"]))
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    let told = try await fleet.reports(1, "Authorized", "PermissionsGranted").message
                    #expect(told.contains("may not ask"), "\(told)")
                    fleet[1].faults.add(
                        .status(403), match: .init(verbs: ["patch"], resources: ["serviceaccounts"]))
                    try await fleet.admin.apply(assignment("project2", "development"))
                    let missing = try await fleet.reports(1, "Authorized", "PermissionsMissing").message
                    #expect(missing.contains("patch serviceaccounts"), "\(missing)")
                }
            }
        }

        @Test("A policy that strips our fields is reported with the field that it strips")
        func rewritten() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                fleet[1].faults.add(
                    .stripAnnotation(Self.key), match: .init(verbs: ["patch"], namespaces: ["bad-development"]))
                try await fleet.admin.apply([assignment("bad", "development"), assignment("good", "development")])
                try await fleet.operating { _ in
                    let told = try await fleet.reports(1, "Synced", "SyncFailed").message
                    #expect(told.contains("Rewritten") && told.contains(Self.key), "\(told)")
                    try await eventually("it is tried four times") {
                        fleet[1].requestLog.writes(to: ["serviceaccounts"]) >= 5
                    }
                    try await throughout(.seconds(3), "it stays so") {
                        try await fleet.conditions("DataPlane", "dataplane-1")["Synced"]?.status == "False"
                    }
                    #expect(fleet[1].requestLog.writes(to: ["serviceaccounts"]) == 5)
                    #expect(try await fleet.annotation(1, "good-development") == fleet.role)
                }
            }
        }

        @Test("Another writer that undoes ours again and again is named, and not fought with")
        func fought() async throws {
            try await withSettledFleet { fleet, _ in
                try await fleet.admin.merge("ClusterRegistry", "flyte", ["spec": ["conflictPolicy": "Force"]])
                let (server, key) = (fleet[1].admin, Self.key)
                let other = Task {
                    while !Task.isCancelled {
                        let account = try await server.get("ServiceAccount", "default", in: "project1-development")
                        if account?[path: ["metadata", "annotations", key]] != "arn:theirs" {
                            try await server.merge(
                                "ServiceAccount", "default", in: "project1-development",
                                ["metadata": ["annotations": [key: "arn:theirs"]]])
                        }
                        try await timePasses(.milliseconds(10))
                    }
                }
                defer { other.cancel() }
                let told = try await fleet.reports(1, "Synced", "Conflict").message
                #expect(told.contains(key) && told.contains("kubectl"), "\(told)")
                fleet[1].requestLog.reset()
                try await throughout(.seconds(3), "it is told all the time") {
                    try await fleet.conditions("DataPlane", "dataplane-1")["Synced"]?.reason == "Conflict"
                }
                let writes = fleet[1].requestLog.count(
                    verb: "patch", resource: "serviceaccounts", userAgent: "squadron")
                #expect(writes <= 1)
            }
        }

        @Test("managedFields that somebody has broken are that object's failure, with patience")
        func brokenManagedFields() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                let message = "failed to decode managed fields: invalid fieldsV1"
                fleet[1].faults.add(
                    .refusal(500, reason: "", message: message),
                    match: .init(verbs: ["patch"], resources: ["serviceaccounts"]))
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in
                    let failure = try await eventually("it is told") {
                        try await fleet.failures(1).first ?? .null
                    } until: {
                        $0["reason"] == "Invalid"
                    }
                    #expect(failure["message"]?.string?.contains(message) == true)
                    try await throughout(.seconds(2), "it can be reached") {
                        try await fleet.conditions("DataPlane", "dataplane-1")["Reachable"]?.status == "True"
                    }
                    #expect(fleet[1].requestLog.writes(to: ["serviceaccounts"]) <= 2)
                }
            }
        }

        @Test("A connection that ends while a write is on it shows nowhere")
        func connectionEnds() async throws {
            try await withSettledFleet { fleet, _ in
                fleet[1].faults.add(
                    .resetBeforeProcessing, match: .init(verbs: ["patch"], userAgent: "squadron"), count: 1)
                try await fleet[1].admin.merge(
                    "ServiceAccount", "default", in: "project1-development",
                    ["metadata": ["annotations": [Self.key: nil]]])
                try await eventually("the annotation is back") {
                    #expect(try await fleet.failures(1).isEmpty)
                    #expect(try await fleet.conditions("DataPlane", "dataplane-1")["Ready"]?.status == "True")
                    return try await fleet.annotation(1, "project1-development") == fleet.role
                }
                #expect(fleet[1].faults.totalHits == 1)
            }
        }

        @Test("While an older value is being written, nothing is in sync with the newer one")
        func olderValue() async throws {
            try await withSettledFleet { fleet, _ in
                fleet[1].faults.add(
                    .latency(.milliseconds(700)), match: .init(verbs: ["patch"], resources: ["serviceaccounts"]))
                func wants(_ role: String) async throws {
                    try await fleet.admin.merge(
                        "ClusterRegistry", "flyte",
                        ["spec": ["workloadIdentity": ["aws": ["roleARN": .string(role)]]]])
                }
                try await wants("arn:second")
                try await eventually("it is being written") {
                    try await fleet.conditions("DataPlane", "dataplane-1")["Synced"]?.status != "True"
                }
                try await wants("arn:third")
                try await eventually("the third is there") {
                    let synced = try await fleet.conditions("DataPlane", "dataplane-1")["Synced"]?.status
                    let found = try await fleet.annotation(1, "project1-development")
                    if synced == "True" { #expect(found == "arn:third", "said to be in sync") }
                    return found == "arn:third"
                }
                try await fleet.settles(1)
            }
        }
    }
}
