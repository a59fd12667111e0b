import DevCluster
import JSON
import TestAPI
import Testing

@testable import Operator

extension EndToEnd.Syncing {
    @Suite("clusterProfiles")
    struct ClusterProfiles {
        private static func profile(_ fleet: TestFleet<DevCluster>, _ name: String) async throws -> JSON? {
            do {
                return try await fleet.admin.get("ClusterProfile", name, in: "kueue-system")
            } catch {
                return nil
            }
        }
        private static func health(_ profile: JSON?) -> String? {
            profile?[path: ["status", "conditions"]]?[0]?["status"]?.string
        }

        @Test("A ClusterProfile follows its data plane, and another manager's is left alone")
        func profiles() async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.admin.apply([
                    "apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "kueue-system"],
                ])
                try await fleet.admin.apply(Manifests.component("cluster-profiles"))
                try await fleet.applyBasics(["clusterProfiles": [["namespace": "kueue-system"]]])
                try await fleet.operating { _ in
                    try await fleet.settles(0)
                    try await eventually("the missing kind is told") {
                        try await fleet.admin.list("Event").contains { $0["reason"] == "ClusterProfilesNotWritten" }
                    }
                    try await fleet.admin.apply(InstalledObjects.clusterProfiles)
                    try await eventually("the kind is served") {
                        Conditions(
                            try await fleet.admin.get(
                                "CustomResourceDefinition", "clusterprofiles.multicluster.x-k8s.io"))["Established"]?
                            .status == "True"
                    }
                    try await fleet.admin.apply([
                        "apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ClusterProfile",
                        "metadata": ["name": "dataplane-2", "namespace": "kueue-system"],
                        "spec": ["clusterManager": ["name": "open-cluster-management"]],
                    ])
                    try await eventually("the first is there", within: .seconds(60)) {
                        Self.health(try await Self.profile(fleet, "dataplane-1")) == "True"
                    }
                    let profile = try await Self.profile(fleet, "dataplane-1")
                    let cluster = profile?[path: ["status", "accessProviders"]]?[0]?["cluster"]
                    #expect(cluster?["server"]?.string == fleet[1].url)
                    #expect(cluster?["certificate-authority-data"]?.string?.isEmpty == false)
                    try await eventually("the other manager's is told of") {
                        try await fleet.admin.list("Event").contains { $0["reason"] == "ClusterProfileNotOurs" }
                    }
                    let other = try await Self.profile(fleet, "dataplane-2")
                    #expect(other?["status"] == nil)
                    #expect(other?[path: ["spec", "clusterManager", "name"]] == "open-cluster-management")
                    try await fleet[1].setAvailability(.refusing)
                    try await eventually("it is not healthy any more", within: .seconds(30)) {
                        Self.health(try await Self.profile(fleet, "dataplane-1")) == "False"
                    }
                    try await fleet.admin.delete("DataPlane", "dataplane-1")
                    try await eventually("it goes with its DataPlane") {
                        try await Self.profile(fleet, "dataplane-1") == nil
                    }
                }
            }
        }
    }
}
