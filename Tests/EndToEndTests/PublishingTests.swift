import Console
import DevCluster
import Fleet
import Foundation
import JSON
import Support
import Testing

@testable import Operator

extension EndToEnd.Flyte {
    @Suite("What goes out to flyteadmin")
    struct PublishingTests {
        private static let map = "flyte-admin-clusters-config"
        private static func registry(_ more: JSON = [:]) -> JSON {
            var publish: JSON = ["clustersConfigMap": ["name": .string(map), "key": "clusters.yaml"]]
            for (key, value) in more.object ?? [:] { publish[key] = value }
            return ["publish": publish]
        }
        private static func deployment(_ name: String) -> JSON {
            [
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": ["name": .string(name), "namespace": "flyte"],
                "spec": [
                    "replicas": 1, "selector": ["matchLabels": ["app": .string(name)]],
                    "template": [
                        "metadata": ["labels": ["app": .string(name)]],
                        "spec": ["containers": [["name": "main", "image": "flyteadmin"]]],
                    ],
                ],
            ]
        }
        private static func chart(_ fleet: TestFleet<DevCluster>) async throws {
            try await fleet.admin.apply([
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": .string(map), "namespace": "flyte"],
                "data": ["clusters.yaml": "clusters: {}\n", "other.yaml": "keep: me\n"],
            ])
            for name in ["flyteadmin", "syncresources"] {
                try await fleet.admin.apply(deployment(name))
                try await becomesAvailable(fleet, name)
            }
        }
        private static func configuration(_ fleet: TestFleet<DevCluster>) async throws -> ClustersConfiguration? {
            try await fleet.admin.get("ConfigMap", map)?[path: ["data", "clusters.yaml"]]?.string.flatMap {
                ClustersConfiguration(yaml: $0)
            }
        }
        private static func checksum(_ fleet: TestFleet<DevCluster>, _ name: String) async throws -> String? {
            try await fleet.admin.get("Deployment", name)?[
                path: ["spec", "template", "metadata", "annotations", RolloutPlan.checksumAnnotation]]?.string
        }
        /// What a Deployment controller would report, which devcluster has none of.
        private static func becomesAvailable(_ fleet: TestFleet<DevCluster>, _ name: String) async throws {
            let generation = try await fleet.admin.get("Deployment", name)?[path: ["metadata", "generation"]]
            try await fleet.admin.merge(
                "Deployment", name,
                [
                    "status": [
                        "observedGeneration": generation ?? 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1,
                        "availableReplicas": 1,
                    ]
                ], subresource: "status")
        }

        @Test("The key is taken over and kept, and every other key stays")
        func configMap() async throws {
            try await withFleet(of: 2) { fleet in
                try await Self.chart(fleet)
                try await fleet.applyBasics()
                try await fleet.operating { _ in
                    try await fleet.reports("ClusterRegistry", "flyte", "Published", "NotConfigured")
                    #expect(fleet.controlPlane.requestLog.writes(to: ["configmaps"]) == 0)

                    try await fleet.admin.apply(resource("ClusterRegistry", "flyte", Self.registry()))
                    try await fleet.reports("ClusterRegistry", "flyte", "Published", "Published")
                    try await fleet.reports("ClusterRegistry", "flyte", "RolledOut", "NotConfigured")
                    let configuration = try await Self.configuration(fleet)
                    #expect(configuration?.clusters.map(\.name) == ["dataplane_1", "dataplane_2"])
                    #expect(configuration?.labels == ["label1": [.init(id: "dataplane_1", weight: 1)]])
                    try await eventually("an event says that the key was taken over") {
                        try await fleet.events(regarding: "flyte", "ClusterRegistry").contains {
                            $0.contains("taken over from kubectl")
                        }
                    }

                    try await fleet.admin.merge("ConfigMap", Self.map, ["data": ["clusters.yaml": "clusters: {}\n"]])
                    try await eventually("the text is put back") {
                        try await Self.configuration(fleet)?.clusters.count == 2
                    }
                    try await fleet.admin.delete("ConfigMap", Self.map)
                    try await eventually("the ConfigMap is made anew") {
                        try await Self.configuration(fleet)?.clusters.count == 2
                    }
                    let written = fleet.controlPlane.requestLog.writes(to: ["configmaps"])
                    try await throughout(.milliseconds(700), "nothing is written that changes nothing") {
                        fleet.controlPlane.requestLog.writes(to: ["configmaps"]) == written
                    }
                }
            }
        }

        @Test("A data plane without a token is left out, a label's last one is closed")
        func lastGoodState() async throws {
            try await withFleet(of: 2, configure: { $0.credentialPatience = 1 }) { fleet in
                try await Self.chart(fleet)
                try await fleet.applyBasics(Self.registry())
                try await fleet.operating { _ in
                    try await fleet.reports("ClusterRegistry", "flyte", "Published", "Published")
                    try await fleet.admin.merge(
                        "Secret", "cluster-credentials", ["data": ["dataplane_2_token": .null]])
                    try await eventually("dataplane_2 is left out") {
                        try await Self.configuration(fleet)?.clusters.map(\.name) == ["dataplane_1"]
                    }
                    try await eventually("the condition says so") {
                        try await fleet.conditions("ClusterRegistry", "flyte")["Published"]?.message.contains(
                            "dataplane_2 is left out: TokenMissing") == true
                    }
                    #expect(
                        try await fleet.admin.get("ConfigMap", Self.map)?[path: ["data", "other.yaml"]] == "keep: me\n")

                    // The only cluster of label1: its executions must not go anywhere else.
                    try await fleet.admin.merge(
                        "Secret", "cluster-credentials", ["data": ["dataplane_1_token": .null]])
                    try await fleet.reports("ClusterRegistry", "flyte", "Published", "LabelWouldBeEmpty")
                    let closed = try await Self.configuration(fleet)
                    #expect(closed?.clusters.map(\.name) == ["dataplane_1"] && closed?.clusters.first?.enabled == true)
                    #expect(closed?.clusters.first?.isClosed == true, "flyteadmin starts, and sends no token")
                    #expect(closed?.labels == ["label1": [.init(id: "dataplane_1", weight: 1)]])
                    try await eventually("an event says so") {
                        try await fleet.events(regarding: "flyte", "ClusterRegistry").contains {
                            $0.contains("label1 would lose its last cluster")
                        }
                    }
                }
            }
        }

        @Test("Our key beside Helm's leaves Helm's next upgrade without a conflict")
        func beside() async throws {
            try await withFleet(of: 1) { fleet in
                let helms: JSON = [
                    "apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": ["name": .string(Self.map), "namespace": "flyte"],
                    "data": ["clusters.yaml": "clusters: {labelClusterMap: {old: [{id: x, weight: 1}]}}\n"],
                ]
                try await fleet.admin.apply(helms, as: "helm")
                try await fleet.applyBasics(["publish": ["clustersConfigMap": [:]]])
                try await fleet.operating { _ in
                    try await fleet.reports("ClusterRegistry", "flyte", "Published", "Published")
                    let map = try await fleet.admin.get("ConfigMap", Self.map)
                    let ours = map?[path: ["data", "squadron-clusters.yaml"]]?.string.flatMap {
                        ClustersConfiguration(yaml: $0)
                    }
                    #expect(ours?.clusters.map(\.name) == ["dataplane_1"])
                    #expect(map?[path: ["data", "clusters.yaml"]] == helms[path: ["data", "clusters.yaml"]])
                    try await eventually("the event names the label") {
                        try await fleet.events(regarding: "flyte", "ClusterRegistry").contains {
                            $0.contains("clusters.yaml") && $0.contains("old")
                        }
                    }
                    // Helm 4 applies without force.
                    var upgrade = helms
                    upgrade[path: ["data", "clusters.yaml"]] = "clusters: {}\n"
                    try await fleet.admin.apply(upgrade, as: "helm", force: false)
                    let after = try await fleet.admin.get("ConfigMap", Self.map)
                    #expect(after?[path: ["data", "clusters.yaml"]] == "clusters: {}\n")
                    #expect(after?[path: ["data", "squadron-clusters.yaml"]] != nil)

                    // Helm's own key is possible, and an event names the consequences.
                    try await fleet.admin.apply(resource("ClusterRegistry", "flyte", Self.registry()))
                    try await eventually("the event says that Helm's upgrade will conflict") {
                        try await fleet.events(regarding: "flyte", "ClusterRegistry").contains { $0.contains("Helm 4") }
                    }
                }
            }
        }

        @Test("A disabled last cluster keeps its label, and the annotation lets it go")
        func disabledLast() async throws {
            try await withFleet(of: 2) { fleet in
                try await Self.chart(fleet)
                try await fleet.applyBasics(Self.registry())
                try await fleet.operating { _ in
                    try await fleet.reports("ClusterRegistry", "flyte", "Published", "Published")
                    try await fleet.admin.merge("DataPlane", "dataplane-1", ["spec": ["enabled": false]])
                    let held = try await fleet.reports("ClusterRegistry", "flyte", "Published", "LabelWouldBeEmpty")
                    #expect(held.message.contains("dataplane_1 is disabled"))
                    #expect(try await Self.configuration(fleet)?.clusters.first?.enabled == true)
                    try await fleet.admin.merge(
                        "ExecutionLabel", "label1",
                        ["metadata": ["annotations": ["multicluster.flyte.org/allow-empty": "true"]]])
                    try await fleet.reports("ClusterRegistry", "flyte", "Published", "Published")
                    let after = try await Self.configuration(fleet)
                    #expect(after?.clusters.first { $0.name == "dataplane_1" }?.enabled == false)
                }
            }
        }

        @Test("A row waits for the rollout of its label, which a dead cluster holds up")
        func waitsForRollout() async throws {
            try await withFlyteAdmin(planes: 2, interval: 5) { fleet, flyteAdmin in
                try await Self.chart(fleet)
                try await fleet.admin.merge(
                    "Deployment", "flyteadmin",
                    [
                        "spec": [
                            "template": [
                                "spec": [
                                    "initContainers": [
                                        [
                                            "name": "sync-cluster-resources", "image": "flyteadmin",
                                            "command": ["flyteadmin", "clusterresource", "sync"],
                                        ]
                                    ]
                                ]
                            ]
                        ]
                    ])
                try await Self.becomesAvailable(fleet, "flyteadmin")
                var spec = Self.registry(["restart": [["name": "flyteadmin"]], "minIntervalSeconds": 0])
                spec["flyteAdmin"] = ["endpoint": .string(flyteAdmin.url), "intervalSeconds": 5]
                try await fleet.admin.apply(resource("ClusterRegistry", "flyte", spec))
                // It is enabled, and nobody can work with it.
                try await fleet.admin.merge(
                    "DataPlane", "dataplane-2", ["spec": ["connection": ["tlsServerName": "other.example.com"]]])
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.operating { _ in
                    let held = try await fleet.reports("ClusterRegistry", "flyte", "RolledOut", "RolloutHeld")
                    #expect(held.message.contains("sync-cluster-resources") && held.message.contains("dataplane_2"))
                    try await fleet.reports(
                        "ExecutionClusterLabel", "team1-development", "Published", "WaitingForRollout")
                    #expect(flyteAdmin.writes.isEmpty)
                    #expect(try await Self.checksum(fleet, "flyteadmin") == nil)

                    try await fleet.admin.merge(
                        "DataPlane", "dataplane-2", ["spec": ["connection": ["tlsServerName": ""]]])
                    try await eventually("flyteadmin is restarted") {
                        try await Self.checksum(fleet, "flyteadmin") != nil
                    }
                    #expect(flyteAdmin.writes.isEmpty)
                    try await Self.becomesAvailable(fleet, "flyteadmin")
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Published", "Published")
                    #expect(flyteAdmin.tables.label(project: "team1", domain: "development") == "label1")
                    try await fleet.reports("ClusterRegistry", "flyte", "RolledOut", "RolledOut")

                    // The label's object goes: the row still names it.
                    try await fleet.admin.delete("ExecutionLabel", "label2")
                    try await eventually("a label that nothing names goes") {
                        try await Self.configuration(fleet)?.labels.keys.sorted() == ["label1"]
                    }
                    try await fleet.admin.delete("ExecutionLabel", "label1")
                    try await throughout(.seconds(2), "a label that a row names stays") {
                        try await Self.configuration(fleet)?.labels["label1"] != nil
                    }
                }
            }
        }

        @Test("Deployments are restarted one after the other, and not by a new operator")
        func rollout() async throws {
            try await withFleet(of: 1) { fleet in
                try await Self.chart(fleet)
                let restart: JSON = [["kind": "Deployment", "name": "flyteadmin"], ["name": "syncresources"]]
                try await fleet.applyBasics(Self.registry(["restart": restart, "minIntervalSeconds": 1]))
                try await fleet.operating { _ in
                    try await eventually("flyteadmin is restarted") {
                        try await Self.checksum(fleet, "flyteadmin") != nil
                    }
                    try await fleet.reports("ClusterRegistry", "flyte", "RolledOut", "Progressing")
                    #expect(try await Self.checksum(fleet, "syncresources") == nil)
                    try await Self.becomesAvailable(fleet, "flyteadmin")
                    try await eventually("syncresources is restarted") {
                        try await Self.checksum(fleet, "syncresources") != nil
                    }
                    try await Self.becomesAvailable(fleet, "syncresources")
                    try await fleet.reports("ClusterRegistry", "flyte", "RolledOut", "RolledOut")
                }
                let first = try await Self.checksum(fleet, "flyteadmin")
                let written = fleet.controlPlane.requestLog.writes(to: ["configmaps", "deployments"])
                try await fleet.operating { _ in
                    try await fleet.settles(0)
                    try await throughout(.seconds(4), "a new operator restarts nothing") {
                        fleet.controlPlane.requestLog.writes(to: ["configmaps", "deployments"]) == written
                    }
                    // White space around a token is nothing to us, but it is in the file that flyteadmin has read.
                    let token = try await fleet.admin.get("Secret", "cluster-credentials")?[
                        path: ["data", "dataplane_1_token"]]?.string.flatMap { Data(base64Encoded: $0) }
                    let padded = (try #require(token) + Data("\n".utf8)).base64EncodedString()
                    try await fleet.admin.merge(
                        "Secret", "cluster-credentials", ["data": ["dataplane_1_token": .string(padded)]])
                    try await eventually("flyteadmin is restarted for the other token") {
                        try await Self.checksum(fleet, "flyteadmin") != first
                    }
                    // A pod that starts while the ConfigMap has another text reads that.
                    try await Self.becomesAvailable(fleet, "flyteadmin")
                    try await eventually("syncresources has read the other token too") {
                        let read = try await Self.checksum(fleet, "flyteadmin")
                        return try await Self.checksum(fleet, "syncresources") == read
                    }
                    try await Self.becomesAvailable(fleet, "syncresources")
                    let second = try await Self.checksum(fleet, "flyteadmin")
                    try await fleet.admin.merge("ConfigMap", Self.map, ["data": ["clusters.yaml": "clusters: {}\n"]])
                    try await eventually("flyteadmin is restarted after a text was put back") {
                        try await Self.checksum(fleet, "flyteadmin") != second
                    }
                    let stuck: JSON = [
                        "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
                        "message": "has timed out progressing", "lastTransitionTime": "2026-01-01T00:00:00Z",
                        "lastUpdateTime": "2026-01-01T00:00:00Z",
                    ]
                    try await Self.becomesAvailable(fleet, "flyteadmin")
                    try await fleet.admin.merge(
                        "Deployment", "flyteadmin", ["status": ["conditions": [stuck]]], subresource: "status")
                    let failed = try await fleet.reports("ClusterRegistry", "flyte", "RolledOut", "RolloutFailed")
                    #expect(failed.message.contains("flyteadmin"))
                }
            }
        }

        @Test("A data plane that stays away leaves the map until it is back")
        func healthAware() async throws {
            try await withFleet(of: 2) { fleet in
                try await Self.chart(fleet)
                let aware: JSON = ["healthAware": ["enabled": true, "graceSeconds": 1], "minIntervalSeconds": 0]
                try await fleet.applyBasics(Self.registry(aware))
                let both: JSON = [
                    ["name": "dataplane_1", "weight": 0.4], ["name": "dataplane_2", "weight": 0.6],
                ]
                try await fleet.admin.apply(resource("ExecutionLabel", "both", ["clusters": both]))
                try await fleet.operating { _ in
                    try await eventually("both clusters are in the map") {
                        try await Self.configuration(fleet)?.labels["both"]?.count == 2
                    }
                    try await fleet.admin.merge(
                        "DataPlane", "dataplane-2", ["spec": ["connection": ["tlsServerName": "other.example.com"]]])
                    try await eventually("dataplane_2 has left the map") {
                        try await Self.configuration(fleet)?.labels["both"] == [.init(id: "dataplane_1", weight: 1)]
                    }
                    #expect(try await Self.configuration(fleet)?.clusters.count == 2, "it stays known to flyteadmin")
                    let left = try await fleet.admin.get("ConfigMap", Self.map)?[
                        path: ["metadata", "annotations", PublishedClusters.withdrawnAnnotation]]
                    #expect(left == "dataplane_2")
                }
                let endpoint = try await TestFleet.operatorEndpoint(fleet.controlPlane, fleet.admin)
                let client = ControlPlaneReader.client(for: endpoint, userAgent: "squadron-tests")
                defer { client.close() }
                let objects = try await FleetReading.live(client, namespace: "flyte")
                let explanation = Explanation(
                    .init(project: "p", domain: "d", label: "both"), execution: "e1", objects: objects,
                    now: WallClock.system.now)
                #expect(explanation.json["cluster"] == "dataplane_1")
                #expect(explanation.placement.dropped == [.init(cluster: "dataplane_2", reason: "NotReady")])

                try await fleet.admin.merge(
                    "DataPlane", "dataplane-2", ["spec": ["connection": ["tlsServerName": ""]]])
                try await fleet.operating { _ in
                    try await eventually("it is back") {
                        try await Self.configuration(fleet)?.labels["both"]?.count == 2
                    }
                }
            }
        }

        @Test("A data plane with a Secret of its own is published with flyteadmin's entries")
        func ownSecret() async throws {
            try await withFleet(of: 1) { fleet in
                try await Self.chart(fleet)
                try await fleet.applyBasics(Self.registry())
                // The Role grants the default Secret only: the data plane is not Ready, and published all the same.
                try await fleet.admin.apply(
                    fleet.dataPlane(1, ["credentials": ["secretName": "squadron-credentials", "tokenKey": "t"]]))
                try await fleet.operating { _ in
                    try await fleet.reports("ClusterRegistry", "flyte", "Published", "Published")
                    #expect(
                        try await Self.configuration(fleet)?.clusters == [
                            .init(
                                name: "dataplane_1", enabled: true,
                                access: .remote(
                                    endpoint: fleet[1].url, tokenPath: "/var/run/credentials/dataplane_1_token",
                                    certPath: "/var/run/credentials/dataplane_1_cacert"))
                        ])
                }
            }
        }
    }
}
