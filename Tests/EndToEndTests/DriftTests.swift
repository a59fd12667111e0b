import DevCluster
import JSON
import Testing

extension EndToEnd.Syncing {
    @Suite("Drift")
    struct Drift {
        private static let key = "eks.amazonaws.com/role-arn"

        @Test("A removed annotation, label or ServiceAccount is put back on the watch's report")
        func putBack() async throws {
            try await withSettledFleet { fleet, _ in
                let (server, name) = (fleet[1].admin, "project1-development")
                fleet[1].requestLog.reset()

                try await server.merge(
                    "ServiceAccount", "default", in: name, ["metadata": ["annotations": [Self.key: nil]]])
                try await eventually("the annotation is back") {
                    try await fleet.annotation(1, name) == fleet.role
                }
                try await server.merge(
                    "Namespace", name, ["metadata": ["labels": ["multicluster.flyte.org/domain": nil]]])
                try await eventually("the label is back") {
                    try await server.get("Namespace", name)?[
                        path: ["metadata", "labels", "multicluster.flyte.org/domain"]] == "development"
                }
                try await server.merge(
                    "Namespace", name, ["metadata": ["labels": ["app.kubernetes.io/managed-by": nil]]])
                try await eventually("the managed-by label is back") {
                    try await server.get("Namespace", name)?[
                        path: ["metadata", "labels", "app.kubernetes.io/managed-by"]] == "squadron"
                }
                let writes = fleet[1].requestLog.writes(to: ["namespaces", "serviceaccounts"])
                #expect(writes == 3, "one write for each drift")

                try await server.delete("ServiceAccount", "default", in: name)
                try await eventually("the ServiceAccount is back, with its annotation") {
                    try await fleet.annotation(1, name) == fleet.role
                }
                try await fleet.settles(1)
            }
        }

        @Test("A deleted namespace comes back after it terminated; the status says so meanwhile")
        func namespace() async throws {
            var options = DevCluster.Options()
            options.api.namespaceTerminationDelay = .seconds(1)
            try await withSettledFleet(options: options) { fleet, _ in
                let uid = try await fleet[1].admin.get("Namespace", "project1-development")?[
                    path: ["metadata", "uid"]]
                try await fleet[1].admin.delete("Namespace", "project1-development")
                let failure = try await eventually("the status tells of it") {
                    try await fleet.failures(1).first ?? .null
                } until: {
                    $0["reason"] == "NamespaceTerminating"
                }
                #expect(failure["namespace"] == "project1-development")
                try await fleet.settles(1)
                let again = try await fleet[1].admin.get("Namespace", "project1-development")
                #expect(again?[path: ["metadata", "uid"]] != uid)
                #expect(again?[path: ["status", "phase"]] == "Active")
                #expect(try await fleet.annotation(1, "project1-development") == fleet.role)
            }
        }

        @Test("Deleted before the answer to its own write was read, a namespace comes back", arguments: [false, true])
        func deletedMeanwhile(listedMeanwhile: Bool) async throws {
            try await withSettledFleet { fleet, _ in
                let (server, name) = (fleet[1].admin, "late-development")
                // The write is done at once; its answer takes two seconds to come, and the watch is not slowed.
                let drip = fleet[1].faults.add(
                    .slowDrip(bytes: 40, every: .milliseconds(100)),
                    match: .init(verbs: ["patch"], resources: ["namespaces"], names: [name]))
                try await fleet.admin.apply(assignment("late", "development"))
                let uid = try await eventually("it is made") {
                    try await server.get("Namespace", name)?[path: ["metadata", "uid"]]
                } until: {
                    $0 != nil
                }
                fleet[1].faults.remove(drip)
                try await server.delete("Namespace", name)
                if listedMeanwhile { fleet[1].endWatches(.gone) }
                try await fleet.settles(2)
                let again = try await server.get("Namespace", name)?[path: ["metadata", "uid"]]
                #expect(again != nil && again != uid)
                #expect(try await fleet.annotation(1, name) == fleet.role)
            }
        }

        @Test("A field of another manager is reported and not fought over; Force takes it")
        func conflict() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                try await fleet[1].admin.apply([
                    "apiVersion": "v1", "kind": "Namespace",
                    "metadata": ["name": "project1-development", "labels": ["multicluster.flyte.org/adopt": "true"]],
                ])
                try await fleet[1].admin.apply(
                    [
                        "apiVersion": "v1", "kind": "ServiceAccount",
                        "metadata": [
                            "name": "default", "namespace": "project1-development",
                            "annotations": [Self.key: "arn:somebody-elses"],
                        ],
                    ], as: "terraform")
                try await fleet.admin.apply([assignment("project1", "development"), assignment("b", "staging")])
                try await fleet.operating { _ in
                    let message = try await fleet.reports(1, "Synced", "Conflict").message
                    #expect(message.contains("terraform") && message.contains(Self.key))
                    #expect(message.contains("project1-development"))
                    #expect(try await fleet.failures(1).first?["reason"] == "Conflict")
                    #expect(try await fleet.annotation(1, "project1-development") == "arn:somebody-elses")
                    #expect(try await fleet.annotation(1, "b-staging") == fleet.role, "the other one is synced")
                    try await fleet.reports(
                        "ExecutionClusterLabel", "project1-development", "NamespaceSynced", "SyncFailed")
                    try await fleet.admin.merge("ClusterRegistry", "flyte", ["spec": ["conflictPolicy": "Force"]])
                    try await eventually("the field is taken") {
                        try await fleet.annotation(1, "project1-development") == fleet.role
                    }
                    try await fleet.settles(2)
                    #expect(try await fleet.failures(1).isEmpty)
                }
            }
        }

        @Test("A conflict ends by itself when the other manager lets go")
        func conflictEnds() async throws {
            try await withSettledFleet { fleet, _ in
                func terraform(_ annotations: JSON) async throws {
                    try await fleet[1].admin.apply(
                        [
                            "apiVersion": "v1", "kind": "ServiceAccount",
                            "metadata": [
                                "name": "default", "namespace": "project1-development", "annotations": annotations,
                            ],
                        ], as: "terraform")
                }
                try await terraform([Self.key: "arn:theirs"])
                try await fleet.reports(1, "Synced", "Conflict")
                try await terraform(["other": "x"])
                try await fleet.settles(1)
                #expect(try await fleet.annotation(1, "project1-development") == fleet.role)
            }
        }
    }
}

extension TestFleet {
    /// `status.failures` of a DataPlane.
    func failures(_ number: Int) async throws -> [JSON] {
        try await admin.get("DataPlane", "dataplane-\(number)")?[path: ["status", "failures"]]?.array ?? []
    }
}
