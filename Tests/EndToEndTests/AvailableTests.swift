import DevCluster
import Fleet
import JSON
import Testing

extension EndToEnd.Syncing {
    @Suite("Available")
    struct Available {
        private static let key = "eks.amazonaws.com/role-arn"

        /// What flyteadmin and users see of the labels: it must not change because of what is merely not in sync.
        private static func labels(_ fleet: TestFleet<DevCluster>) async throws -> [String: JSON] {
            var seen: [String: JSON] = [:]
            for object in try await fleet.admin.list("ExecutionLabel") {
                seen[object[path: ["metadata", "name"]]?.string ?? ""] = object["status"]
            }
            return seen
        }

        private static func labelWarnings(_ fleet: TestFleet<DevCluster>) async throws -> Int {
            try await fleet.admin.list("Event").count {
                $0["type"] == "Warning" && $0[path: ["regarding", "kind"]] == "ExecutionLabel"
            }
        }

        @Test("A conflict in one namespace changes no label; the registry is DataPlanesNotReady")
        func conflict() async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.applyBasics()
                let both: JSON = [
                    ["name": "dataplane_1", "weight": 0.5], ["name": "dataplane_2", "weight": 0.5],
                ]
                try await fleet.admin.apply(resource("ExecutionLabel", "both", ["clusters": both]))
                try await fleet.admin.apply([assignment("project1", "development"), assignment("b", "staging")])
                try await fleet.operating { _ in
                    try await fleet.settles(2)
                    try await fleet.reports("ExecutionClusterLabel", "b-staging", "NamespaceSynced", "InSync")
                    try await fleet.reports("ExecutionLabel", "label1", "Ready", "Resolved")
                    try await fleet.reports("ExecutionLabel", "both", "Ready", "Resolved")
                    let before = try await Self.labels(fleet)
                    try await fleet[1].admin.apply(
                        [
                            "apiVersion": "v1", "kind": "ServiceAccount",
                            "metadata": [
                                "name": "default", "namespace": "project1-development",
                                "annotations": [Self.key: "arn:somebody-elses"],
                            ],
                        ], as: "terraform")
                    try await fleet.reports(1, "Synced", "Conflict")
                    try await fleet.reports("ClusterRegistry", "flyte", "Ready", "DataPlanesNotReady")
                    let available = try await fleet.conditions("DataPlane", "dataplane-1")["Available"]
                    #expect(available?.status == "True" && available?.reason == "Available")
                    let other = try await fleet.conditions("ExecutionClusterLabel", "b-staging")
                    #expect(other["Ready"]?.status == "True")
                    let own = try await fleet.conditions("ExecutionClusterLabel", "project1-development")
                    #expect(own["LabelResolved"]?.status == "True")
                    #expect(try await Self.labels(fleet) == before)
                    #expect(try await Self.labelWarnings(fleet) == 0)
                }
            }
        }

        @Test("A value that makes all DataPlanes Pending changes no label and causes no warning")
        func pending() async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    try await fleet.reports("ExecutionLabel", "label1", "Ready", "Resolved")
                    let before = try await Self.labels(fleet)
                    let slow = fleet.dataPlanes.map {
                        $0.faults.add(
                            .latency(.seconds(3)), match: .init(verbs: ["patch"], resources: ["serviceaccounts"]))
                    }
                    try await fleet.admin.merge(
                        "ClusterRegistry", "flyte",
                        ["spec": ["workloadIdentity": ["aws": ["roleARN": "arn:aws:iam::111122223333:role/next"]]]])
                    for number in 1...2 { try await fleet.reports(number, "Synced", "Pending") }
                    try await fleet.reports("ClusterRegistry", "flyte", "Ready", "DataPlanesNotReady")
                    #expect(try await Self.labels(fleet) == before)
                    for (server, fault) in zip(fleet.dataPlanes, slow) { server.faults.remove(fault) }
                    try await fleet.settles(1)
                    #expect(try await Self.labels(fleet) == before)
                    #expect(try await Self.labelWarnings(fleet) == 0)
                }
            }
        }
    }
}
