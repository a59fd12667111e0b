import Foundation
import JSON
import KubeObjects
import Testing
import YAML

@testable import Fleet

/// The Helm chart in manifests/data-plane-chart. hack/check-packages compares it with what `squadron rbac` prints.
@Suite("Chart of a data plane")
struct DataPlaneChartTests {
    private let chart = Chart(folder: "manifests/data-plane-chart")
    /// The switches that are off, with the folder of the component that each stands for.
    private static let components = [
        "prune": "prune", "flyteHealth": "flyte-health", "replicateSecrets": "replicate-secrets",
        "admissionPolicies": "data-plane-admission-policies",
    ]

    @Test("Its version is that of the program, and it says which Kubernetes it needs")
    func version() throws { try chart.expectOwnVersion(kubernetes: ">=1.27.0-0") }

    @Test("The schema has each value, and no other")
    func schema() throws { try chart.expectSchemaOfValues() }

    @Test("It has the components that the kustomization of a data plane lists, file by file")
    func complete() throws {
        let kustomization = try Repository.text("manifests/data-plane/kustomization.yaml")
        let listed = kustomization.components(separatedBy: "../components/").dropFirst()
            .map { String($0.prefix { !$0.isWhitespace }) }
        #expect(Set(listed) == Set(Self.components.values))
        let switches = try (chart.yaml("values.yaml").object ?? [:]).filter { $0.value["enabled"] == false }
        #expect(Set(switches.keys) == Set(Self.components.keys).union(["flyteWorkflows"]))
        let templates = try Repository.text("\(chart.folder)/templates/components.yaml")
        for component in Self.components.values {
            let link = Repository.root.appendingPathComponent("\(chart.folder)/files/components/\(component)")
            let folder = Repository.root.appendingPathComponent("manifests/components/\(component)")
            #expect(link.resolvingSymlinksInPath().path == folder.resolvingSymlinksInPath().path)
            for file in try FileManager.default.contentsOfDirectory(atPath: folder.path)
            where file != "kustomization.yaml" {
                #expect(templates.contains("\"\(component)/\(file.dropLast(5))\""), "\(component)/\(file)")
            }
        }
    }

    @Test("By default it renders what kustomize applies, in another namespace too")
    func sameAsKustomize() throws {
        guard let applied = try Chart.run("kubectl", ["kustomize", "manifests/data-plane"]),
            let helm = try chart.template(), let elsewhere = try chart.template(namespace: "other")
        else { return }
        #expect(applied.status == 0 && helm.status == 0, "\(helm.text)")
        Chart.compare(try Chart.objects(helm.text), try Chart.objects(applied.text))
        #expect(try Chart.objects(elsewhere.text).values.allSatisfy { !$0.serializedString.contains("\"flyte\"") })
    }

    @Test("With everything switched on it renders each file of the components as it is")
    func everything() throws {
        let switches = Self.components.keys.sorted().flatMap { ["--set", "\($0).enabled=true"] }
        guard let helm = try chart.template(switches), let base = try chart.template() else { return }
        #expect(helm.status == 0, "\(helm.text)")
        let wanted = try Self.components.values.reduce(into: try Chart.objects(base.text)) { all, component in
            for object in try Repository.documents(in: "manifests/components/\(component)")
            where object["kind"] != "Component" {
                all.merge(try Chart.objects(object.serializedString)) { _, new in new }
            }
        }
        Chart.compare(try Chart.objects(helm.text), wanted)
    }

    @Test("A token, the right to renew it, and other rules are values")
    func values() throws {
        let rule = ##"[{"apiGroups": [""], "resources": ["namespaces", "resourcequotas"], "verbs": ["get"]}]"##
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("values-\(UUID().uuidString).json")
        try Data("{\"rules\": \(rule)}".utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        guard
            let helm = try chart.template([
                "--set", "token.enabled=false,tokenRequest.enabled=false,flyteWorkflows.enabled=true", "-f", file.path,
            ])
        else { return }
        #expect(helm.status == 0, "\(helm.text)")
        let objects = try Chart.objects(helm.text)
        #expect(
            Set(objects.keys) == [
                "ServiceAccount flyte/squadron", "ClusterRole /squadron", "ClusterRoleBinding /squadron",
            ])
        let workflows: JSON = [
            "apiGroups": ["flyte.lyft.com"], "resources": ["flyteworkflows"], "verbs": ["create", "delete"],
        ]
        var wanted = try JSON(parsing: Array(rule.utf8)).array ?? []
        wanted.append(workflows)
        #expect(objects["ClusterRole /squadron"]?["rules"] == .array(wanted))
    }

    @Test("Its ClusterRole has exactly the rights that the default templates need")
    func leastRights() throws {
        let role = try Repository.documents(in: "manifests/data-plane").first { $0["kind"] == "ClusterRole" }
        let needed = try YAML.parse(Permissions.rules(adding: Permissions.required(by: .standard)))
        #expect(role?["rules"] == needed)
    }
}
