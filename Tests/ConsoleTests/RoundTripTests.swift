import Fleet
import JSON
import KubeObjects
import Testing
import YAML

@testable import Console

@Suite("Export and import")
struct RoundTripTests {
    private static let fleet = """
        kind: ClusterRegistry
        metadata: {name: flyte}
        spec:
          domains: [development, live]
          namespaceTemplate: "x-{{ project }}-{{ domain }}"
          defaultExecutionLabel: label1
          import: {templateData: {projectQuotaCpu: {value: "5"}}, customData: [{live: [{projectQuotaCpu: {value: "9"}}]}]}
          values: {zone: "eu-west"}
          workloadIdentity: {aws: {roleARN: "arn:{{ project }}"}}
          publish: {clustersConfigMap: {}, restart: [{name: flyteadmin}]}
        ---
        kind: DataPlane
        metadata: {name: first}
        spec: {clusterName: dataplane_1, endpoint: "https://dp1", values: {a: b}, credentials: {secretName: squadron-credentials}}
        ---
        kind: DataPlane
        metadata: {name: dataplane-2}
        spec: {clusterName: dataplane_2, endpoint: "https://dp2", unschedulable: true, mode: Observe}
        ---
        kind: ExecutionLabel
        metadata: {name: l-1}
        spec: {label: label1, clusters: [{name: dataplane_1, weight: 0.5}, {name: dataplane_2, weight: 0.5}]}
        ---
        kind: ExecutionClusterLabel
        metadata: {name: mine}
        spec: {project: p, value: label1}
        ---
        kind: ExecutionClusterLabel
        metadata: {name: p-live-w}
        spec: {project: p, domain: live, workflow: w, value: label1}
        ---
        kind: FlyteProject
        metadata: {name: team1}
        spec:
          values: {a: "1", b: "2"}
          domainValues: {live: {b: "3"}}
          attributes:
            "*": {taskResources: {defaults: {cpu: 1}, limits: {cpu: "2", ephemeralStorage: 1Gi}}}
            live: {executionConfig: {maxParallelism: 5, rawOutputPrefix: "s3://b", labels: {aB: c}}}
        ---
        kind: FlyteProject
        metadata: {name: bare}
        spec: {domains: [live]}
        ---
        kind: ConfigMap
        apiVersion: v1
        metadata: {name: flyte-admin-clusters-config}
        data:
          clusters.yaml: "clusters: {labelClusterMap: {old: [{id: dataplane_1, weight: 1}]}}"
          squadron-clusters.yaml: |
            clusters:
              clusterConfigs:
              - {name: dataplane_1, enabled: true, endpoint: "https://dp1", auth: {tokenPath: /var/run/credentials/dataplane_1_token, certPath: /var/run/credentials/dataplane_1_cacert}}
              - {name: gone, enabled: true, endpoint: "https://gone", auth: {tokenPath: /var/run/credentials/gone_token, certPath: /var/run/credentials/gone_cacert}}
              labelClusterMap:
                label1: [{id: dataplane_1, weight: 1}]
                orphan: [{id: gone, weight: 1}]
        """

    private func importing(_ export: FlyteExport) throws -> ImportPlan {
        var sources = ImportSources()
        for file in export.files where file.name != "steps.sh" {
            let text = ImportText(place: file.name, text: file.text)
            switch file.name {
            case "values-clusters.yaml": sources.clusters.append(text)
            case "values-cluster-resources.yaml": sources.clusterResources.append(text)
            default: sources.attributes.append(text)
            }
        }
        return try ImportPlan(sources)
    }

    @Test("The import of an export is the same fleet: a second export gives the same files")
    func same() throws {
        let before = try objects(Self.fleet)
        let export = FlyteExport(before, now: now)
        let plan = try importing(export)
        #expect(plan.gaps.isEmpty, "\(plan.gaps)")
        var after = ControlPlaneObjects(namespace: "flyte")
        for type in ControlPlaneReader.kinds {
            after.add(
                type, try plan.documents.filter { $0["kind"]?.string == type.kind }.map { try DynamicObject(json: $0) })
        }
        for (name, reading) in before.configMaps { after.add(configMap: name, reading) }
        let again = FlyteExport(after, now: now)
        for (old, new) in zip(export.files, again.files) { #expect(old == new) }
        #expect(again.files.count == export.files.count)
    }

    @Test("Objects get back their names, and the fields that Flyte has no place for")
    func fields() throws {
        let before = try objects(Self.fleet)
        let plan = try importing(FlyteExport(before, now: now))
        func spec(_ kind: String, _ name: String) -> JSON? {
            plan.documents.first { $0["kind"]?.string == kind && $0[path: ["metadata", "name"]]?.string == name }?[
                "spec"]
        }
        let first: JSON = [
            "clusterName": "dataplane_1", "endpoint": "https://dp1", "values": ["a": "b"],
            "credentials": ["secretName": "squadron-credentials"],
        ]
        #expect(spec("DataPlane", "first") == first)
        #expect(spec("DataPlane", "dataplane-2")?["unschedulable"] == true)
        #expect(spec("DataPlane", "dataplane-2")?["enabled"] == nil)
        #expect(spec("DataPlane", "dataplane-2")?["mode"] == "Observe")
        #expect(spec("ExecutionLabel", "l-1")?["clusters"]?[0]?["weight"] == 0.5)
        #expect(spec("ExecutionClusterLabel", "mine") == ["project": "p", "value": "label1"])
        #expect(spec("FlyteProject", "bare") == ["domains": ["live"]])
        let registry = try #require(spec("ClusterRegistry", "flyte"))
        #expect(registry["mode"] == nil && registry["templatesConfigMap"] == nil, "\(registry)")
        #expect(registry["workloadIdentity"] != nil && registry["publish"] != nil)
        #expect(registry["domains"] == ["development", "live"])
    }

    @Test("Clusters that are kept without an object are exported and reported")
    func kept() throws {
        let export = FlyteExport(try objects(Self.fleet), now: now)
        let values = try YAML.parse(try #require(export.files.first).text)
        let map = values[path: ["configmap", "clusters", "labelClusterMap"]]
        #expect(map?["orphan"]?[0]?["id"] == "gone")
        let notes = export.notes.joined(separator: "\n")
        #expect(notes.contains("orphan") && notes.contains("labels that only the key clusters.yaml has"), "\(notes)")
    }
}
