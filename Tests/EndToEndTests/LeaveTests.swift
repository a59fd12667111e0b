import DevCluster
import DevFlyteAdmin
import Fleet
import Foundation
import JSON
import Kube
import KubeObjects
import Support
import TestSupport
import Testing

@testable import Operator

extension EndToEnd.Commands {
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
                    try await report(fleet, generation)
                }
                try await timePasses(.milliseconds(100))
            }
        }

        private static func report(_ fleet: TestFleet<DevCluster>, _ generation: JSON) async throws {
            try await fleet.admin.merge(
                "Deployment", "flyteadmin",
                [
                    "status": [
                        "observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1,
                        "availableReplicas": 1,
                    ]
                ], subresource: "status")
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

        /// Whether the data plane refuses a token. A server that is busy does not.
        private static func isVoid(_ token: Sensitive, _ there: DevCluster) async -> Bool {
            do throws(KubeError) {
                _ = try await Admin(there, token: token.withBytes { String(decoding: $0, as: UTF8.self) }).client
                    .version()
                return false
            } catch {
                if error.isUnauthorized { return true }
                return false
            }
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
                            #expect(!left.output.contains("nothing is left to do"))
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

        @Test("While executions run there leave refuses, and goes through once they have ended")
        func executions() async throws {
            let more: JSON = ["clusterResourceAttributes": "Ignore"]
            try await withFlyteAdmin(
                planes: 2, more: more, configure: { $0.executionInterval = .seconds(1) }
            ) { fleet, flyteAdmin in
                flyteAdmin.edit {
                    $0.executions = [
                        .init("e1", project: "team1", domain: "development", cluster: "dataplane_2"),
                        .init("e2", project: "team1", domain: "production", cluster: "dataplane_2", phase: .queued),
                        .init("e3", project: "team1", domain: "development", cluster: "dataplane_1"),
                    ]
                }
                try await fleet.admin.apply(Self.flyteadmin)
                try await fleet.admin.merge(
                    "ClusterRegistry", "flyte", ["spec": ["publish": Self.registry["publish"] ?? [:]]])
                func leave() async throws -> (status: Int32, output: String) {
                    try await TwoContexts.run(["leave", "dataplane-2", "--timeout", "20"], fleet.controlPlane, [])
                }
                func running() async throws -> JSON? {
                    try await fleet.admin.get("DataPlane", "dataplane-2")?[path: ["status", "executions", "running"]]
                }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await Self.keepAvailable(fleet) }
                    try await fleet.operating { _ in
                        try await eventually("flyteadmin reads both") {
                            try await Self.configuration(fleet)?.clusters.count == 2
                        }
                        let refused = try await leave()
                        #expect(refused.status == 1, "\(refused.output)")
                        #expect(
                            refused.output.contains("flyteadmin runs 2 executions on dataplane_2"), "\(refused.output)")
                        // No new executions go there, and running ones can be aborted.
                        let entry = try await Self.configuration(fleet)?.clusters.first { $0.name == "dataplane_2" }
                        #expect(entry?.enabled == false)
                        #expect(try await Self.entry(fleet, "dataplane_2_token") != nil)
                        let plane = try await fleet.admin.get("DataPlane", "dataplane-2")
                        #expect(plane?[path: ["spec", "unschedulable"]] == true)

                        flyteAdmin.edit { $0.setPhase(.succeeded, of: "e1") }
                        try await eventually("one is left") { try await running() == 1 }
                        let still = try await leave()
                        #expect(still.output.contains("flyteadmin runs 1 executions on dataplane_2"), "\(still.output)")
                        flyteAdmin.edit { $0.setPhase(.aborted, of: "e2") }
                        try await eventually("none is left") { try await running() == 0 }
                        let left = try await leave()
                        #expect(left.status == 0, "\(left.output)")
                        #expect(try await fleet.admin.get("DataPlane", "dataplane-2") == nil)
                        #expect(try await Self.configuration(fleet)?.clusters.map(\.name) == ["dataplane_1"])
                        #expect(try await Self.entry(fleet, "dataplane_2_token") == nil)
                    }
                    group.cancelAll()
                }
            }
        }

        /// A flyteadmin that nobody but `rotate` restarts: it reads its token when it starts, and never again.
        private static func runFlyteAdmin(_ fleet: TestFleet<DevCluster>, _ there: DevCluster) async throws {
            var inUse: Sensitive?
            var generation: JSON?
            while !Task.isCancelled {
                let found = try await fleet.admin.get("Deployment", "flyteadmin")?[path: ["metadata", "generation"]]
                if let inUse { #expect(await !isVoid(inUse, there), "flyteadmin's token is void") }
                if found != generation {
                    (inUse, generation) = (try await entry(fleet, "there_token"), found)
                    try await timePasses(.milliseconds(200))
                    try await report(fleet, generation ?? 1)
                }
                try await timePasses(.milliseconds(50))
            }
        }

        @Test("rotate can end after any step and run again; every reader's token always works")
        func interrupted() async throws {
            try await withNewcomers(["there"]) { clusters in
                let there = clusters[0]
                try await withFleet(of: 1) { fleet in
                    var reader = Self.flyteadmin
                    reader[path: ["spec", "template", "spec", "volumes"]] = [
                        ["name": "a", "secret": ["secretName": "cluster-credentials"]],
                        ["name": "b", "configMap": ["name": .string(Self.map)]],
                    ]
                    try await fleet.admin.apply(reader)
                    try await fleet.applyBasics(["publish": ["clustersConfigMap": ["name": .string(Self.map)]]])
                    func start(_ arguments: [String]) throws -> SquadronProcess {
                        try TwoContexts.start(arguments, fleet.controlPlane, clusters)
                    }
                    try await fleet.operating { _ in
                        let join = try start(["join", "there", "--cluster-context", "there"])
                        try await join.ends(within: .seconds(60))
                        #expect(join.status == 0, "\(join.output)")
                        try await eventually("flyteadmin reads it") {
                            try await Self.configuration(fleet)?.clusters.count == 2
                        }
                        let old = try await Self.entry(fleet, "there_token")
                        there.requestLog.reset()
                        try await withThrowingTaskGroup(of: Void.self) { group in
                            group.addTask { try await Self.runFlyteAdmin(fleet, there) }
                            for step in ["created ", "published ", "restarted ", "deleted "] {
                                let process = try start(["rotate", "there", "--cluster-context", "there"])
                                try await eventually("\(step)is done") {
                                    process.output.split(separator: "\n").contains { $0.hasPrefix(step) }
                                }
                                process.kill()
                                try await fleet.reports("DataPlane", "there", "CredentialsValid", "Valid")
                            }
                            let last = try start(["rotate", "there", "--cluster-context", "there"])
                            try await last.ends(within: .seconds(60))
                            #expect(last.status == 0, "\(last.output)")
                            group.cancelAll()
                        }
                        let new = try await Self.entry(fleet, "there_token")
                        #expect(await Self.works(new, there))
                        #expect(await !Self.works(old, there))
                        #expect(there.requestLog.count(userAgent: "squadron", status: 401) == 0)
                        let secrets = try await there.admin.list("Secret").filter {
                            $0["type"] == "kubernetes.io/service-account-token"
                        }
                        #expect(secrets.count == 1)
                        let marks = secrets[0][path: ["metadata", "annotations", "multicluster.flyte.org/replaces"]]
                        #expect(marks == nil)
                    }
                }
            }
        }
    }
}
