import DevCluster
import Fleet
import Foundation
import JSON
import Support
import Testing

@testable import Operator

extension EndToEnd {
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

        @Test("The key is taken over and kept; every other key stays, and without `publish` nothing is written")
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
                    try await eventually("the ConfigMap is made anew", within: .seconds(20)) {
                        try await Self.configuration(fleet)?.clusters.count == 2
                    }
                    let written = fleet.controlPlane.requestLog.writes(to: ["configmaps"])
                    try await throughout(.milliseconds(700), "nothing is written that changes nothing") {
                        fleet.controlPlane.requestLog.writes(to: ["configmaps"]) == written
                    }
                }
            }
        }

        @Test("A label that is broken leaves the last good state, and a data plane without a token is left out")
        func lastGoodState() async throws {
            try await withFleet(of: 2) { fleet in
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
                    try await fleet.reports("ClusterRegistry", "flyte", "Published", "PublishFailed")
                    #expect(try await Self.configuration(fleet)?.clusters.map(\.name) == ["dataplane_1"])
                }
            }
        }

        @Test("Deployments are restarted one after the other, again when a token changes, and not by a new operator")
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
                    // Whoever starts while another text is there reads that.
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

        @Test("A data plane that stays away leaves the map, and comes back when it is Ready again")
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
                let objects = try await FleetReading.live(endpoint, namespace: "flyte")
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

        @Test("A data plane with a Secret of Squadron's own is published with flyteadmin's entries of the mounted one")
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
