import DevCluster
import JSON
import Support
import Testing

@testable import Operator

extension EndToEnd.Faults {
    @Suite("Bad input")
    struct BadInput {
        /// Past admission, as an object that an older CRD let in.
        private static func slip(_ object: JSON, _ plural: String, into server: DevCluster) {
            var object = object
            object[path: ["metadata", "uid"]] = .string("slipped-\(object[path: ["metadata", "name"]]?.string ?? "")")
            object[path: ["metadata", "generation"]] = 1
            object[path: ["metadata", "creationTimestamp"]] = "2026-01-01T00:00:00Z"
            server.store.put(GroupResource(plural, group: "multicluster.flyte.org"), object)
        }

        @Test("A project and a registry that break leave in force what they said before")
        func lastGood() async throws {
            let offset = Locked(0.0)
            let clock = WallClock { WallClock.system.now + offset.withLock { $0 } }
            try await withFleet(of: 1, configure: { $0.wallClock = clock }) { fleet in
                try await fleet.applyBasics([
                    "workloadIdentity": ["aws": ["roleARN": "arn:aws:iam::1:role/{{ team }}"]],
                    "values": ["team": "common"],
                ])
                try await fleet.admin.apply(
                    resource(
                        "FlyteProject", "team1",
                        ["project": "team1", "domains": ["production"], "values": ["team": "own"]]))
                func breakUp(_ kind: String, _ plural: String, _ name: String, _ spec: JSON) async throws {
                    var object = try #require(try await fleet.admin.get(kind, name))
                    object["spec"] = spec
                    object[path: ["metadata", "generation"]] = 9
                    fleet.controlPlane.store.put(GroupResource(plural, group: "multicluster.flyte.org"), object)
                    try await fleet.reports(kind, name, "Ready", "Invalid")
                }
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    #expect(try await fleet.annotation(1, "team1-production") == "arn:aws:iam::1:role/own")
                    try await breakUp(
                        "FlyteProject", "flyteprojects", "team1", ["project": "team1", "domains": "production"])
                    try await breakUp(
                        "ClusterRegistry", "clusterregistries", "flyte", ["namespaceTemplate": "{{ nonsense }}"])
                    // Somebody else's wish makes the operator look at all of it again.
                    try await fleet.admin.apply(assignment("project1", "development"))
                    try await eventually("the registry's settings hold for what is new") {
                        try await fleet.annotation(1, "project1-development") == "arn:aws:iam::1:role/common"
                    }
                    #expect(try await fleet.annotation(1, "team1-production") == "arn:aws:iam::1:role/own")
                    try await fleet.settles(2)
                    // Mended and broken again: since now, and not since it broke the first time.
                    let first = try await fleet.conditions("FlyteProject", "team1")["Ready"]?.since
                    var good = try #require(try await fleet.admin.get("FlyteProject", "team1"))
                    good["spec"] = ["project": "team1", "domains": ["production"]]
                    fleet.controlPlane.store.put(GroupResource("flyteprojects", group: "multicluster.flyte.org"), good)
                    try await fleet.reports("FlyteProject", "team1", "Ready", "Ready")
                    offset.withLock { $0 = 3_600 }
                    try await breakUp(
                        "FlyteProject", "flyteprojects", "team1", ["project": "team1", "domains": "production"])
                    let second = try await fleet.conditions("FlyteProject", "team1")["Ready"]?.since
                    #expect(try #require(first) < #require(second))
                }
            }
        }

        @Test("A custom resource that doesn't fit its type names the field and harms no other")
        func malformed() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                // If rules of the CRD forbid it, the API server refuses the status too. Then an event reports it.
                let bad: [(kind: String, plural: String, spec: JSON, field: String, hasStatus: Bool)] = [
                    ("DataPlane", "dataplanes", ["endpoint": 5], "spec.endpoint", false),
                    (
                        "DataPlane", "dataplanes",
                        ["endpoint": "https://dp", "inCluster": false, "connection": ["qps": "many"]],
                        "spec.connection.qps", true
                    ),
                    (
                        "ExecutionLabel", "executionlabels", ["clusters": [["name": "a", "weight": "1"]]],
                        "spec.clusters[0].weight", false
                    ),
                    (
                        "ExecutionClusterLabel", "executionclusterlabels", ["project": "x", "domain": "y"],
                        "spec.value", true
                    ),
                    ("FlyteProject", "flyteprojects", ["project": ["a"]], "spec.project", false),
                ]
                for (index, bad) in bad.enumerated() {
                    Self.slip(resource(bad.kind, "bad-\(index)", bad.spec), bad.plural, into: fleet.controlPlane)
                }
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    for (index, bad) in bad.enumerated() {
                        let notes = try await eventually("an event for bad-\(index)") {
                            try await fleet.events(regarding: "bad-\(index)", bad.kind)
                        } until: {
                            !$0.isEmpty
                        }
                        #expect(notes.count == 1 && notes[0].contains(bad.field), "\(notes)")
                        guard bad.hasStatus else { continue }
                        let ready = try await eventually("\(bad.kind) bad-\(index) is not Ready") {
                            try await fleet.conditions(bad.kind, "bad-\(index)")
                        } until: {
                            $0["Ready"]?.status == "False"
                        }["Ready"]
                        #expect(ready?.message.contains(bad.field) == true, "\(bad.kind): \(ready?.message ?? "")")
                    }
                    // It goes on: what comes later is synced too.
                    try await fleet.admin.apply(assignment("project2", "staging"))
                    try await fleet.settles(2)
                    let written = fleet.controlPlane.requestLog.writes(to: ["dataplanes/status"])
                    try await throughout(.milliseconds(700), "the reports are not written again and again") {
                        fleet.controlPlane.requestLog.writes(to: ["dataplanes/status"]) == written
                    }
                }
            }
        }

        @Test(
            "A bad entry of the Secret affects its own data plane only",
            arguments: [
                ("dataplane_2_token", "not a token", "TokenMalformed", "dataplane_2_token"),
                ("dataplane_2_cacert", "base64", "CACertMalformed", "base64"),
            ])
        func secret(key: String, value: String, reason: String, words: String) async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                var value: JSON = .string(value)
                if value == "base64" {
                    // What is in `data` already is base64: as `stringData` it is encoded twice.
                    value = try await fleet.admin.get("Secret", "cluster-credentials")?[path: ["data", key]] ?? ""
                }
                try await fleet.admin.merge("Secret", "cluster-credentials", ["stringData": [key: value]])
                try await fleet.operating { _ in
                    try await fleet.settles(1, 1)
                    let condition = try await fleet.reports(2, "CredentialsValid", reason)
                    #expect(condition.message.contains(words), "\(condition.message)")
                    #expect(try await fleet.conditions("DataPlane", "dataplane-2")["Ready"]?.reason == reason)
                    #expect(try await fleet.conditions("DataPlane", "dataplane-2")["Reachable"]?.status == "Unknown")
                }
                #expect(fleet[2].requestLog.ofOperator == 0, "it was asked without credentials")
            }
        }

        @Test("Without the Secret every data plane says so, and all come up when it is there")
        func noSecret() async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.applyBasics()
                let secret = try #require(try await fleet.admin.get("Secret", "cluster-credentials"))
                try await fleet.admin.delete("Secret", "cluster-credentials")
                try await fleet.operating { _ in
                    for number in 1...2 {
                        let message = try await fleet.reports(number, "Ready", "SecretNotFound").message
                        #expect(message.contains("cluster-credentials"))
                    }
                    try await fleet.reports("ClusterRegistry", "flyte", "Ready", "DataPlanesNotReady")
                    try await fleet.admin.apply([
                        "apiVersion": "v1", "kind": "Secret",
                        "metadata": ["name": "cluster-credentials", "namespace": "flyte"],
                        "data": secret["data"] ?? [:],
                    ])
                    try await fleet.settles(0)
                }
            }
        }

        @Test("Of two DataPlanes for one cluster the older works; the other names it")
        func duplicateDataPlane() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.addSecondEntry()
                // Creation times are whole seconds.
                try await eventually("a second is over") {
                    let seen = try await fleet.admin.apply(
                        ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "clock"]])
                    try await fleet.admin.delete("ConfigMap", "clock")
                    let older = try await fleet.admin.get("DataPlane", "dataplane-1")
                    let path = ["metadata", "creationTimestamp"]
                    return seen[path: path] != older?[path: path]
                }
                try await fleet.admin.apply(
                    resource("DataPlane", "a-newer-one", ["clusterName": "again", "endpoint": .string(fleet[1].url)]))
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    let message = try await fleet.reports("DataPlane", "a-newer-one", "Ready", "DuplicateCluster")
                        .message
                    #expect(message.contains("dataplane-1"))
                    try await throughout(.milliseconds(700), "the older one stays Ready") {
                        try await fleet.conditions("DataPlane", "dataplane-1")["Ready"]?.status == "True"
                    }
                    #expect(fleet[1].requestLog.writes(to: ["namespaces", "serviceaccounts"]) == 2)
                }
            }
        }

        @Test("Of two labels or assignments with one claim the older holds; the other says so")
        func duplicates() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                let old: JSON = "2026-01-01T00:00:00Z"
                for (kind, plural, name, spec) in [
                    (
                        "ExecutionLabel", "executionlabels", "z-older",
                        ["label": "two", "clusters": [["name": "dataplane_1", "weight": 1]]] as JSON
                    ),
                    (
                        "ExecutionClusterLabel", "executionclusterlabels", "z-older",
                        ["project": "p", "domain": "development", "value": "label1"]
                    ),
                ] {
                    var object = resource(kind, name, spec)
                    object[path: ["metadata", "creationTimestamp"]] = old
                    Self.slip(object, plural, into: fleet.controlPlane)
                    try await fleet.admin.apply(resource(kind, "a-newer", spec))
                }
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    try await fleet.reports("ExecutionLabel", "z-older", "Ready", "Resolved")
                    #expect(
                        try await fleet.reports("ExecutionLabel", "a-newer", "Ready", "DuplicateLabel").message
                            .contains("z-older"))
                    try await fleet.reports("ExecutionClusterLabel", "z-older", "Ready", "Ready")
                    #expect(
                        try await fleet.reports("ExecutionClusterLabel", "a-newer", "Ready", "DuplicateAssignment")
                            .message.contains("z-older"))
                }
            }
        }

        @Test(
            "A name that makes no valid namespace is InvalidName; the others are synced",
            arguments: [("Project_1", "development")])
        func names(project: String, domain: String) async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                let bad = resource(
                    "ExecutionClusterLabel", "bad",
                    ["project": .string(project), "domain": .string(domain), "value": "label1"])
                Self.slip(bad, "executionclusterlabels", into: fleet.controlPlane)
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    let condition = try await fleet.reports(
                        "ExecutionClusterLabel", "bad", "NamespaceSynced", "InvalidName")
                    #expect(condition.status == "False" && !condition.message.isEmpty)
                    try await fleet.reports("ExecutionClusterLabel", "bad", "Ready", "InvalidName")
                }
            }
        }

        @Test("A placeholder without a value is named, and a value releases its object")
        func placeholder() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics(["workloadIdentity": ["aws": ["roleARN": "arn:{{ account }}"]]])
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in
                    try await fleet.reports(1, "Synced", "SyncFailed")
                    let failure = try #require(try await fleet.failures(1).first)
                    #expect(failure["reason"] == "PlaceholderUnresolved")
                    #expect(failure["message"]?.string?.contains("account") == true)
                    #expect(try await fleet[1].admin.get("Namespace", "project1-development") != nil)
                    #expect(try await fleet.annotation(1, "project1-development") == nil)
                    try await fleet.admin.merge("ClusterRegistry", "flyte", ["spec": ["values": ["account": "7"]]])
                    try await fleet.settles(1)
                    #expect(try await fleet.annotation(1, "project1-development") == "arn:7")
                }
            }
        }

        @Test("A value can't change the structure of what is applied")
        func injection() async throws {
            try await withFleet(of: 1) { fleet in
                let evil = "x\nkind: Evil\nmetadata: {name: kube-system}"
                try await fleet.applyBasics([
                    "values": ["role": .string(evil)], "workloadIdentity": ["aws": ["roleARN": "{{ role }}"]],
                ])
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in try await fleet.settles(1) }
                #expect(try await fleet.annotation(1, "project1-development") == evil)
            }
        }
    }
}

extension TestFleet {
    /// What events say of an object.
    func events(regarding name: String, _ kind: String) async throws -> [String] {
        try await admin.list("Event").filter {
            $0[path: ["regarding", "name"]] == .string(name) && $0[path: ["regarding", "kind"]] == .string(kind)
        }.map { "\($0["reason"]?.string ?? ""): \($0["note"]?.string ?? "")" }
    }
}
