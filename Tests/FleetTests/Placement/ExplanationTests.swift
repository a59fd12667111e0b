import JSON
import KubeObjects
import Testing
import YAML

@testable import Fleet

@Suite("squadron explain")
struct ExplanationTests {
    private static let manifests = """
        apiVersion: multicluster.flyte.org/v1alpha1
        kind: DataPlane
        metadata: {name: dp-1, namespace: flyte}
        spec: {clusterName: dataplane_1, endpoint: "https://dp1:443"}
        status:
          conditions:
          - {type: Ready, status: "False", reason: Timeout, message: m, lastTransitionTime: "2026-01-02T02:04:05Z"}
        ---
        apiVersion: multicluster.flyte.org/v1alpha1
        kind: DataPlane
        metadata: {name: dp-2, namespace: flyte}
        spec: {clusterName: dataplane_2, endpoint: "https://dp2:443"}
        ---
        apiVersion: multicluster.flyte.org/v1alpha1
        kind: DataPlane
        metadata: {name: dp-3, namespace: flyte}
        spec: {clusterName: dataplane_3, endpoint: "https://dp3:443", enabled: false}
        ---
        apiVersion: v1
        kind: List
        items:
        - apiVersion: multicluster.flyte.org/v1alpha1
          kind: ExecutionLabel
          metadata: {name: label1, namespace: flyte}
          spec:
            clusters:
            - {name: dataplane_1, weight: 0.5}
            - {name: dataplane_2, weight: 0.3}
            - {name: dataplane_3, weight: 0.2}
        - apiVersion: multicluster.flyte.org/v1alpha1
          kind: ExecutionClusterLabel
          metadata: {name: elsewhere, namespace: other}
          spec: {project: project1, domain: development, value: nope}
        - apiVersion: multicluster.flyte.org/v1alpha1
          kind: ExecutionClusterLabel
          metadata: {name: ecl, namespace: flyte}
          spec: {project: project1, domain: development, value: label1}
        ---
        apiVersion: multicluster.flyte.org/v1alpha1
        kind: ClusterRegistry
        metadata: {name: flyte, namespace: flyte}
        spec:
          publish: {clustersConfigMap: {name: cm, key: clusters.yaml}, healthAware: {enabled: HEALTH}}
        """

    private func explain(healthAware: Bool = false, execution: String? = nil, more: [JSON] = []) throws -> Explanation {
        var objects = FleetObjects(namespace: "flyte")
        let text = Self.manifests.split(separator: "HEALTH").joined(separator: "\(healthAware)")
        for document in try YAML.documents(text) { objects.add(try document.json()) }
        for json in more { objects.add(json) }
        return Explanation(
            .init(project: "project1", domain: "development"), execution: execution, objects: objects, now: now)
    }

    @Test("The JSON is the contract's: a cluster that is not Ready stays a candidate, since flyteadmin doesn't look")
    func json() throws {
        let explanation = try explain()
        #expect(
            explanation.json == [
                "rule": "project-domain", "label": "label1",
                "candidates": [
                    ["cluster": "dataplane_1", "weight": 0.5, "probability": 0.625],
                    ["cluster": "dataplane_2", "weight": 0.3, "probability": .double(0.3 / 0.8)],
                ], "dropped": [["cluster": "dataplane_3", "reason": "Disabled"]],
            ])
        #expect(explanation.notes.contains { $0.contains("dataplane_1 is not Ready (Timeout)") })
        #expect(try explain(execution: "e1").json["cluster"] == "dataplane_2")
        #expect(try explain(execution: "exec-1").json["cluster"] == "dataplane_1")
    }

    @Test("With the health-aware map it has left the map, and says so")
    func healthAware() throws {
        let explanation = try explain(healthAware: true)
        #expect(explanation.placement.candidates.map(\.cluster) == ["dataplane_2"])
        #expect(
            explanation.placement.dropped == [
                .init(cluster: "dataplane_3", reason: "Disabled"), .init(cluster: "dataplane_1", reason: "NotReady"),
            ])
    }

    private static func dataPlane(_ number: Int, _ spec: JSON) -> JSON {
        var spec = spec
        spec["clusterName"] = .string("dataplane_\(number)")
        spec["endpoint"] = .string("https://dp\(number):443")
        return [
            "apiVersion": "multicluster.flyte.org/v1alpha1", "kind": "DataPlane",
            "metadata": ["name": .string("dp-\(number)"), "namespace": "flyte"], "spec": spec,
        ]
    }

    @Test("A cordoned cluster is dropped as Unschedulable, and the others share its part")
    func cordoned() throws {
        let explanation = try explain(more: [Self.dataPlane(2, ["unschedulable": true])])
        #expect(explanation.placement.candidates.map(\.cluster) == ["dataplane_1"])
        #expect(
            explanation.placement.dropped == [
                .init(cluster: "dataplane_3", reason: "Disabled"),
                .init(cluster: "dataplane_2", reason: "Unschedulable"),
            ])
        #expect(explanation.json["dropped"]?[1]?["reason"] == "Unschedulable")
    }

    @Test("Without a label for it, a cordoned cluster is not drawn from either")
    func cordonedAnywhere() throws {
        let label: JSON = [
            "apiVersion": "multicluster.flyte.org/v1alpha1", "kind": "ExecutionClusterLabel",
            "metadata": ["name": "ecl", "namespace": "flyte"],
            "spec": ["project": "other", "domain": "development", "value": "label1"],
        ]
        let explanation = try explain(more: [label, Self.dataPlane(2, ["unschedulable": true])])
        #expect(explanation.placement.rule == .allClusters)
        #expect(explanation.placement.candidates.map(\.cluster) == ["dataplane_1"])
        #expect(explanation.placement.dropped.contains(.init(cluster: "dataplane_2", reason: "Unschedulable")))
        #expect(explanation.placement.dropped.contains(.init(cluster: "dataplane_3", reason: "Disabled")))
    }

    @Test("While an object is broken the published state decides")
    func lastGoodState() throws {
        let broken: JSON = [
            "apiVersion": "multicluster.flyte.org/v1alpha1", "kind": "ExecutionLabel",
            "metadata": ["name": "label1", "namespace": "flyte"],
            "spec": ["clusters": [["name": "dataplane_1", "weight": 3]]],
        ]
        let configuration = ClustersConfiguration(
            clusters: [.init(name: "old", enabled: true, access: .inCluster)],
            labels: ["label1": [.init(id: "old", weight: 1)]])
        let map: JSON = [
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "cm", "namespace": "flyte"],
            "data": ["clusters.yaml": .string(configuration.yaml)],
        ]
        let explanation = try explain(more: [broken, map])
        #expect(explanation.placement.candidates.map(\.cluster) == ["old"])
        #expect(explanation.notes.contains { $0.contains("WeightsInvalid") })
    }

    @Test("A label that flyteadmin's library loses is told of once, and only to who asks for it")
    func lostLabel() throws {
        var objects = FleetObjects(namespace: "flyte")
        for (name, label) in [("one", "label1"), ("two", "Team1")] {
            objects.add([
                "apiVersion": "multicluster.flyte.org/v1alpha1", "kind": "ExecutionLabel",
                "metadata": ["name": .string(name), "namespace": "flyte"],
                "spec": ["label": .string(label), "clusters": [["name": "dataplane_1", "weight": 1]]],
            ])
        }
        func notes(_ label: String) -> [String] {
            let request = Placement.Request(project: "p", domain: "d", label: label)
            return Explanation(request, execution: nil, objects: objects, now: now).notes.filter {
                $0.contains("lowercases")
            }
        }
        #expect(notes("label1").isEmpty)
        #expect(notes("Team1").count == 1)
    }

    @Test("The text names the rule, every candidate and everything that was left out")
    func text() throws {
        let text = try explain(execution: "e1").text
        for part in [
            "set for project1/development", "dataplane_1   0.5", "62.5 %", "left out: dataplane_3 (Disabled)",
            "execution e1: dataplane_2",
        ] { #expect(text.contains(part), "\(part) in \(text)") }
    }
}
