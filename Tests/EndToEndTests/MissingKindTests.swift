import DevCluster
import DevFlyteAdmin
import Fleet
import JSON
import Testing

@testable import Operator

extension EndToEnd.Faults {
    @Suite("Kinds that are deleted")
    struct MissingKindTests {
        private static let map = "flyte-admin-clusters-config"

        @Test("Objects that go with their kind take nothing away until it is back")
        func kinds() async throws {
            try await withFlyteAdmin(interval: 5) { fleet, flyteAdmin in
                let registry = resource(
                    "ClusterRegistry", "flyte",
                    [
                        "flyteAdmin": ["endpoint": .string(flyteAdmin.url), "intervalSeconds": 5],
                        "namespaceTemplate": "x-{{ project }}-{{ domain }}",
                        "publish": ["clustersConfigMap": ["name": .string(Self.map), "key": "clusters.yaml"]],
                    ])
                try await fleet.admin.apply(registry)
                let names = ["team1-development", "team2-production"]
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.admin.apply(assignment("team2", "production", value: "label2"))
                try await fleet.operating { _ in
                    for name in names { try await fleet.reports("ExecutionClusterLabel", name, "Ready", "Ready") }
                    try await fleet.reports("ClusterRegistry", "flyte", "Ready", "Ready")
                    let before = try await Self.outside(fleet, flyteAdmin)
                    #expect(before.text.contains("label2") && before.rows == ["label1", "label2"])
                    flyteAdmin.forgetRequests()
                    for plural in ["executionclusterlabels", "executionlabels", "dataplanes"] {
                        try await fleet.admin.delete("CustomResourceDefinition", "\(plural).multicluster.flyte.org")
                    }
                    try await eventually("the registry names the kinds") {
                        let ready = try await fleet.conditions("ClusterRegistry", "flyte")["Ready"]
                        return ready?.reason == "KindMissing"
                            && ["DataPlane", "ExecutionClusterLabel", "ExecutionLabel"].allSatisfy {
                                ready?.message.contains($0) == true
                            }
                    }
                    try await throughout(.seconds(3), "everything outside stays") {
                        try await Self.outside(fleet, flyteAdmin) == before
                    }
                    #expect(flyteAdmin.writes.isEmpty)

                    try await fleet.admin.apply(Manifests.controlPlane())
                    try await eventually("the kinds are back") {
                        (try? await fleet.admin.apply(fleet.dataPlane(1))) != nil
                    }
                    for label in ["label1", "label2"] {
                        let clusters: JSON = ["clusters": [["name": "dataplane_1", "weight": 1]]]
                        try await fleet.admin.apply(resource("ExecutionLabel", label, clusters))
                    }
                    try await fleet.admin.apply(assignment("team1", "development"))
                    try await fleet.reports("ExecutionClusterLabel", names[0], "Ready", "Ready")
                    // One object was not applied again: that is a deletion, once the kind has been back for a while.
                    try await eventually("the row of the object that did not come back goes") {
                        flyteAdmin.tables.label(project: "team2", domain: "production") == nil
                    }
                    try await eventually("the kinds are not named any more") {
                        try await fleet.conditions("ClusterRegistry", "flyte")["Ready"]?.reason != "KindMissing"
                    }
                    let after = try await Self.outside(fleet, flyteAdmin)
                    #expect(after.text == before.text && after.rows == ["label1"])
                }
            }
        }

        @Test("Without its kind the registry's settings stay in force")
        func registry() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics([
                    "namespaceTemplate": "x-{{ project }}-{{ domain }}",
                    "publish": ["clustersConfigMap": ["name": .string(Self.map), "key": "clusters.yaml"]],
                ])
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    try await eventually("it is published") { try await Self.text(fleet) != nil }
                    let text = try await Self.text(fleet)
                    try await fleet.admin.delete(
                        "CustomResourceDefinition", "clusterregistries.multicluster.flyte.org")
                    try await throughout(.seconds(2), "no other namespace is made, and the text stays") {
                        let other = try await fleet[1].admin.get("Namespace", "team1-development")
                        let now = try await Self.text(fleet)
                        return other == nil && now == text
                    }
                }
            }
        }

        @Test("An operator that starts without a kind says so, and waits for it")
        func atStart() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics([:])
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.admin.delete("CustomResourceDefinition", "flyteprojects.multicluster.flyte.org")
                try await fleet.operating { _ in
                    let ready = try await fleet.reports("ClusterRegistry", "flyte", "Ready", "KindMissing")
                    #expect(ready.message.contains("FlyteProject"))
                    #expect(try await fleet[1].admin.get("Namespace", "team1-development") == nil)
                    try await fleet.admin.apply(Manifests.controlPlane())
                    try await fleet.settles(1)
                    try await fleet.reports("ClusterRegistry", "flyte", "Ready", "Ready")
                }
            }
        }

        @Test("Kinds that come back after a restart leave time to restore their objects")
        func backAfterRestart() async throws {
            try await withFlyteAdmin(interval: 5) { fleet, flyteAdmin in
                let registry = resource(
                    "ClusterRegistry", "flyte",
                    [
                        "flyteAdmin": ["endpoint": .string(flyteAdmin.url), "intervalSeconds": 5],
                        "publish": ["clustersConfigMap": ["name": .string(Self.map), "key": "clusters.yaml"]],
                    ])
                try await fleet.admin.apply(registry)
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.operating { _ in
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Ready", "Ready")
                    try await fleet.reports("ClusterRegistry", "flyte", "Ready", "Ready")
                }
                let before = try await Self.outside(fleet, flyteAdmin)
                #expect(before.text.contains("label1") && before.rows == ["label1"])
                for plural in ["executionclusterlabels", "executionlabels"] {
                    try await fleet.admin.delete("CustomResourceDefinition", "\(plural).multicluster.flyte.org")
                }
                flyteAdmin.forgetRequests()
                try await fleet.operating { _ in
                    try await fleet.reports("ClusterRegistry", "flyte", "Ready", "KindMissing")
                    try await fleet.admin.apply(Manifests.controlPlane())
                    try await throughout(.seconds(6), "everything outside stays") {
                        try await Self.outside(fleet, flyteAdmin) == before
                    }
                }
                // Another restart, while the objects are still away, takes none of that time.
                try await fleet.operating { _ in
                    try await throughout(.seconds(6), "everything outside stays after one more restart") {
                        try await Self.outside(fleet, flyteAdmin) == before
                    }
                }
                #expect(flyteAdmin.writes.isEmpty)
            }
        }

        private struct Outside: Equatable {
            var text: String
            var rows: [String]
            var namespaces: [String]
        }
        private static func text(_ fleet: TestFleet<DevCluster>) async throws -> String? {
            try await fleet.admin.get("ConfigMap", map)?[path: ["data", "clusters.yaml"]]?.string
        }
        private static func outside(
            _ fleet: TestFleet<DevCluster>, _ flyteAdmin: DevFlyteAdmin
        ) async throws -> Outside {
            let rows = [("team1", "development"), ("team2", "production")].compactMap {
                flyteAdmin.tables.label(project: $0.0, domain: $0.1)
            }
            let namespaces = try await fleet[1].admin.list("Namespace").compactMap {
                $0[path: ["metadata", "name"]]?.string
            }
            return Outside(
                text: try await text(fleet) ?? "", rows: rows, namespaces: namespaces.filter { $0.contains("team") })
        }
    }
}
