import Fleet
import Foundation
import JSON
import KubeObjects
import Testing
import YAML

@testable import Console

@Suite("squadron export")
struct ExportTests {
    private static let fleet = """
        kind: ClusterRegistry
        metadata: {name: flyte}
        spec:
          domains: [development, production]
          defaultExecutionLabel: label1
          import: {templateData: {projectQuotaCpu: {value: "5"}}, customData: [{production: [{projectQuotaCpu: {value: "9"}}]}]}
          values: {zone: "eu-west"}
          domainValues: {production: {zone: "eu-north"}}
          valuesFrom: [{name: pull, secretKeyRef: {name: registry-pull, key: token}}]
          workloadIdentity: {aws: {roleARN: "arn:{{ project }}"}}
          lockedValues: [locked]
          publish: {clustersConfigMap: {name: "it's", key: "a/b.yaml"}, healthAware: {enabled: true, graceSeconds: 0}}
        ---
        kind: DataPlane
        metadata: {name: dp-1, creationTimestamp: "2026-01-01T00:00:00Z"}
        spec: {clusterName: dataplane_1, endpoint: "https://dp1", values: {a: b}}
        status:
          conditions: [{type: Ready, status: "False", reason: Timeout, message: away, observedGeneration: 1, lastTransitionTime: "2026-01-01T00:00:00Z"}]
        ---
        kind: DataPlane
        metadata: {name: dp-2, creationTimestamp: "2026-01-02T00:00:00Z"}
        spec: {clusterName: dataplane_2, endpoint: "https://dp2"}
        ---
        kind: ExecutionLabel
        metadata: {name: label1}
        spec: {clusters: [{name: dataplane_1, weight: 0.5}, {name: dataplane_2, weight: 0.5}]}
        ---
        kind: ExecutionClusterLabel
        metadata: {name: p-dev, creationTimestamp: "2026-01-02T00:00:00Z"}
        spec: {project: p, domain: development, workflow: w, value: label1}
        ---
        kind: ExecutionClusterLabel
        metadata: {name: p-dev-again, creationTimestamp: "2026-01-03T00:00:00Z"}
        spec: {project: p, domain: development, workflow: w, value: other}
        ---
        kind: ExecutionClusterLabel
        metadata: {name: whole}
        spec: {project: p, value: label1}
        ---
        kind: FlyteProject
        metadata: {name: team1}
        spec: {project: team1, values: {a: "1", b: "2", locked: x}, domainValues: {production: {b: "3"}}}
        """

    private func export(_ text: String = fleet) throws -> FlyteExport { FlyteExport(try objects(text), now: now) }

    private func file(_ name: String, _ export: FlyteExport) throws -> JSON {
        try YAML.parse(try #require(export.files.first { $0.name == name }?.text))
    }

    @Test("The export has the clusters that Squadron publishes, also one that is away")
    func clusters() throws {
        let values = try file("values-clusters.yaml", export())
        let section = try #require(values[path: ["configmap", "clusters"]])
        let configuration = try #require(ClustersConfiguration(yaml: YAML.emit(["clusters": section])))
        #expect(configuration.clusters.map(\.name) == ["dataplane_1", "dataplane_2"])
        #expect(configuration.labels["label1"]?.map(\.weight) == [0.5, 0.5])
        #expect(configuration.defaultExecutionLabel == "label1")
    }

    @Test("The template values read back as the registry's own")
    func clusterResources() throws {
        let values = try file("values-cluster-resources.yaml", export())
        let resources = try #require(values[path: ["cluster_resource_manager", "config", "cluster_resources"]])
        let imported = try resources.decode(FlyteImport.self)
        #expect(imported.templateData == ["projectQuotaCpu": "5", "zone": "eu-west"])
        #expect(imported.customData == ["production": ["projectQuotaCpu": "9", "zone": "eu-north"]])
    }

    @Test("flytectl gets a file for each row, and each row has all values of its project")
    func attributes() throws {
        let export = try export()
        #expect(
            export.files.map(\.name) == [
                "values-clusters.yaml", "values-cluster-resources.yaml", "execution-cluster-labels/p-dev.yaml",
                "execution-cluster-labels/whole.yaml",
                "cluster-resource-attributes/team1-development.yaml",
                "cluster-resource-attributes/team1-production.yaml", "steps.sh",
            ])
        let label: JSON = ["project": "p", "domain": "development", "workflow": "w", "value": "label1"]
        #expect(try file("execution-cluster-labels/p-dev.yaml", export) == label)
        #expect(try file("execution-cluster-labels/whole.yaml", export) == ["project": "p", "value": "label1"])
        let row = try file("cluster-resource-attributes/team1-production.yaml", export)
        #expect(row == ["project": "team1", "domain": "production", "attributes": ["a": "1", "b": "3"]])
        // Else flytectl asks for each file, and a loop has nobody to answer.
        let calls = try #require(export.files.last?.text).split(separator: "\n").filter {
            $0.contains("flytectl update")
        }
        #expect(calls.count == 2 && calls.allSatisfy { $0.contains("--force --attrFile") })
    }

    @Test("What Flyte has no place for is named, and no Secret is read")
    func notes() throws {
        let notes = try export().notes.joined(separator: "\n")
        #expect(notes.contains("DataPlane dp-1 has template values of its own"))
        #expect(notes.contains("the value pull comes from Secret registry-pull, key token"))
        #expect(notes.contains("eks.amazonaws.com/role-arn: arn:{{ project }}"))
        #expect(try !export().isIncomplete)
    }

    @Test("A name can't break out of the steps, nor out of the folder")
    func hostileNames() throws {
        let steps = try #require(try export().files.last?.text)
        #expect(steps.contains("patch configmap 'it'\\''s'") && steps.contains("/data/a~1b.yaml"))
        #expect(FlyteExport.fileName("../a b/ü") == "_._a_b__")
        #expect(FlyteExport.fileName("team1-development") == "team1-development")
    }

    @Test("An object that can't be used is named, and the files are incomplete")
    func incomplete() throws {
        let export = try export(Self.fleet + "\n---\nkind: FlyteProject\nmetadata: {name: odd}\nspec: {project: 5}")
        #expect(export.isIncomplete && export.notes.first?.hasPrefix("FlyteProject odd") == true)
    }

    @Test("Files are written into a new folder, and never over others")
    func folder() throws {
        let path = NSTemporaryDirectory() + "squadron-export-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let files = try export().files
        try NewFolder.write(files, to: path)
        #expect(try String(contentsOfFile: path + "/steps.sh", encoding: .utf8) == files.last?.text)
        #expect(throws: NewFolder.Failure.self) { try NewFolder.write(files, to: path) }
    }
}
