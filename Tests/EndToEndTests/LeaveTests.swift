import DevCluster
import Fleet
import Foundation
import JSON
import KubeObjects
import Support
import Testing

@testable import Operator

extension EndToEnd {
    /// From `join` over `rotate` to `leave`, with what flyteadmin reads.
    @Suite("squadron rotate and leave")
    struct Leave {
        private static let map = "flyte-admin-clusters-config"
        private static let registry: JSON = [
            "publish": [
                "clustersConfigMap": ["name": .string(map)], "restart": [["kind": "Deployment", "name": "flyteadmin"]],
                "minIntervalSeconds": 0,
            ],
            // It is away: nobody counts executions, and its attributes are not waited for.
            "flyteAdmin": ["endpoint": "https://127.0.0.1:1", "clusterResourceAttributes": "Ignore"],
        ]
        private static let flyteadmin: JSON = [
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "flyteadmin", "namespace": "flyte"],
            "spec": [
                "replicas": 1, "selector": ["matchLabels": ["app": "flyteadmin"]],
                "template": [
                    "metadata": ["labels": ["app": "flyteadmin"]],
                    "spec": ["containers": [["name": "main", "image": "flyteadmin"]]],
                ],
            ],
        ]

        /// What a Deployment controller would report, which devcluster has none of.
        private static func keepAvailable(_ fleet: TestFleet<DevCluster>) async throws {
            while !Task.isCancelled {
                let object = try await fleet.admin.get("Deployment", "flyteadmin")
                let generation = object?[path: ["metadata", "generation"]] ?? 1
                if object?[path: ["status", "observedGeneration"]] != generation {
                    try await fleet.admin.merge(
                        "Deployment", "flyteadmin",
                        [
                            "status": [
                                "observedGeneration": generation, "replicas": 1, "updatedReplicas": 1,
                                "readyReplicas": 1, "availableReplicas": 1,
                            ]
                        ], subresource: "status")
                }
                try await Task.sleep(for: .milliseconds(100))
            }
        }

        private static func configuration(_ fleet: TestFleet<DevCluster>) async throws -> ClustersConfiguration? {
            try await fleet.admin.get("ConfigMap", map)?[path: ["data", "squadron-clusters.yaml"]]?.string.flatMap {
                ClustersConfiguration(yaml: $0)
            }
        }

        private static func entry(_ fleet: TestFleet<DevCluster>, _ key: String) async throws -> Sensitive? {
            let secret = try await fleet.admin.get("Secret", "cluster-credentials") ?? [:]
            return try Secret(json: secret)[key]
        }

        /// Whether the data plane takes a token.
        private static func works(_ token: Sensitive?, _ there: DevCluster) async -> Bool {
            let text = token?.withBytes { String(decoding: $0, as: UTF8.self) } ?? ""
            return (try? await Admin(there, token: text).client.version()) != nil
        }

        @Test("A joined data plane gets a new token and leaves; its namespaces stay")
        func wholeLife() async throws {
            try await withNewcomers(["there"]) { clusters in
                let there = clusters[0]
                try await withFleet(of: 1) { fleet in
                    try await fleet.admin.apply(Self.flyteadmin)
                    try await fleet.applyBasics(Self.registry)
                    try await fleet.admin.apply(assignment("project1", "development"))
                    func squadron(_ arguments: [String]) async throws -> (status: Int32, output: String) {
                        try await TwoContexts.run(arguments, fleet.controlPlane, clusters)
                    }
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await Self.keepAvailable(fleet) }
                        try await fleet.operating { _ in
                            let before = try await fleet.admin.get("Secret", "cluster-credentials")?["data"]
                            let joined = try await squadron(["join", "there", "--cluster-context", "there"])
                            #expect(joined.status == 0, "\(joined.output)")
                            try await eventually("flyteadmin reads it") {
                                try await Self.configuration(fleet)?.clusters.count == 2
                            }

                            try await eventually("it has its namespace") {
                                try await there.admin.get("Namespace", "project1-development") != nil
                            }
                            let old = try await Self.entry(fleet, "there_token")
                            // The context is found by the endpoint.
                            let rotated = try await squadron(["rotate", "there"])
                            #expect(rotated.status == 0, "\(rotated.output)")
                            let new = try await Self.entry(fleet, "there_token")
                            #expect(old != new)
                            #expect(await !Self.works(old, there))
                            #expect(await Self.works(new, there))
                            try await fleet.reports("DataPlane", "there", "CredentialsValid", "Valid")
                            try await fleet.reports("ClusterRegistry", "flyte", "RolledOut", "RolledOut")

                            let unknown = try await squadron([
                                "leave", "there", "--cluster-context", "there", "--timeout", "2",
                            ])
                            #expect(unknown.status == 1 && unknown.output.contains("done: cordoned there"))
                            let dry = try await squadron(["leave", "there", "--cluster-context", "there", "--dry-run"])
                            #expect(dry.status == 0 && dry.output.contains("would delete ServiceAccount squadron"))
                            let left = try await squadron([
                                "leave", "there", "--cluster-context", "there", "--abandon-executions",
                            ])
                            #expect(left.status == 0, "\(left.output)")
                            #expect(try await fleet.admin.get("DataPlane", "there") == nil)
                            #expect(try await Self.configuration(fleet)?.clusters.map(\.name) == ["dataplane_1"])
                            #expect(try await fleet.admin.get("Secret", "cluster-credentials")?["data"] == before)
                            #expect(await !Self.works(new, there))
                            #expect(try await there.admin.get("ServiceAccount", "squadron") == nil)
                            #expect(try await there.admin.get("ClusterRole", "squadron") == nil)
                            #expect(try await there.admin.get("Namespace", "project1-development") != nil)
                            #expect(try await there.admin.get("Namespace", "flyte") != nil)
                            let again = try await squadron(["leave", "there", "--cluster-context", "there"])
                            #expect(again.status == 0 && again.output.contains("nothing is left to do"))
                        }
                        group.cancelAll()
                    }
                }
            }
        }
    }
}
