import Fleet
import JSON
import RealCluster
import TestSupport
import Testing

@testable import Operator

extension EndToEnd.Alone {
    /// With Kubernetes' own Deployment controller and authorizer. No kubelet runs there: a Deployment of no replicas is
    /// complete at once, one with replicas never.
    @Suite(
        "What goes out to flyteadmin, on real API servers",
        .enabled("KUBEBUILDER_ASSETS names etcd, kube-apiserver and kube-controller-manager") {
            KubernetesBinaries.haveControllers
        }, .timeLimit(.minutes(5 * patience)))
    struct RealPublishing {
        private static let map = "flyte-admin-clusters-config"

        private static func deployment(replicas: Int64) -> JSON {
            [
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": ["name": "flyteadmin", "namespace": "flyte"],
                "spec": [
                    "replicas": .int(replicas), "progressDeadlineSeconds": 1,
                    "selector": ["matchLabels": ["app": "flyteadmin"]],
                    "template": [
                        "metadata": ["labels": ["app": "flyteadmin"]],
                        "spec": ["containers": [["name": "main", "image": "flyteadmin"]]],
                    ],
                ],
            ]
        }

        @Test("The Role suffices to make the ConfigMap, take its key and restart flyteadmin")
        func story() async throws {
            try await withRealFleet(of: 1) { fleet in
                try await fleet.admin.apply(Self.deployment(replicas: 0))
                try await fleet.applyBasics([
                    "publish": [
                        "clustersConfigMap": ["name": .string(Self.map), "key": "clusters.yaml"],
                        "restart": [["name": "flyteadmin"]], "minIntervalSeconds": 0,
                    ]
                ])
                try await fleet.operating { _ in
                    try await fleet.reports("ClusterRegistry", "flyte", "Published", "Published", within: .seconds(60))
                    try await fleet.reports("ClusterRegistry", "flyte", "RolledOut", "RolledOut", within: .seconds(60))
                    let restarted = try await fleet.admin.get("Deployment", "flyteadmin")?[
                        path: ["spec", "template", "metadata", "annotations", RolloutPlan.checksumAnnotation]]?.string
                    #expect(restarted?.isEmpty == false)

                    try await fleet.admin.apply(Self.deployment(replicas: 1))
                    let other: JSON = [
                        "apiVersion": "v1", "kind": "ConfigMap",
                        "metadata": ["name": .string(Self.map), "namespace": "flyte"],
                        "data": ["clusters.yaml": "clusters: {}\n", "other.yaml": "keep: me\n"],
                    ]
                    try await fleet.admin.apply(other, as: "helm")
                    try await eventually("the key is taken back, and the other one stays") {
                        let data = try await fleet.admin.get("ConfigMap", Self.map)?["data"]
                        return data?["clusters.yaml"]?.string.flatMap { ClustersConfiguration(yaml: $0) }?.clusters
                            .count == 1
                            && data?["other.yaml"] == "keep: me\n"
                    }
                    // The restart for what was put back: nothing of it ever becomes available.
                    let failed = try await fleet.reports(
                        "ClusterRegistry", "flyte", "RolledOut", "RolloutFailed", within: .seconds(60))
                    #expect(failed.message.contains("flyteadmin"), "\(failed)")
                    try await fleet.admin.apply(Self.deployment(replicas: 0))
                    try await fleet.reports("ClusterRegistry", "flyte", "RolledOut", "RolledOut", within: .seconds(60))
                    try await full(fleet)
                }
            }
        }

        /// A ConfigMap without room for what is to be published keeps the last good text.
        private func full(_ fleet: TestFleet<RealCluster>) async throws {
            func text() async throws -> String {
                try await fleet.admin.get("ConfigMap", Self.map)?[path: ["data", "clusters.yaml"]]?.string ?? ""
            }
            let before = try await text()
            let rest = String(repeating: "x", count: 1_048_576 - before.utf8.count - 10)
            try await fleet.admin.merge("ConfigMap", Self.map, ["data": ["other.yaml": .string(rest)]])
            try await fleet.admin.apply(
                resource("ExecutionLabel", "label2", ["clusters": [["name": "dataplane_1", "weight": 1]]]))
            let failed = try await fleet.reports("ClusterRegistry", "flyte", "Published", "PublishFailed")
            #expect(failed.message.contains("1048576"), "\(failed)")
            #expect(try await text() == before)
            try await fleet.admin.merge("ConfigMap", Self.map, ["data": ["other.yaml": "keep: me\n"]])
            try await eventually("the new label is in the text") { try await text().contains("label2") }
            try await fleet.reports("ClusterRegistry", "flyte", "Published", "Published")
        }
    }
}
