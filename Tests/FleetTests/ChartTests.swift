import Foundation
import JSON
import Testing
import YAML

/// The Helm chart in manifests/chart. What needs helm is left out where it isn't in PATH (CI has none).
@Suite("Chart")
struct ChartTests {
    private let chart = Chart(folder: "manifests/chart")

    @Test("Its version is that of the program, and it says which Kubernetes it needs")
    func version() throws {
        try chart.expectOwnVersion(kubernetes: ">=1.28.0-0")
    }

    @Test("The schema has each value, and no other")
    func schema() throws {
        try chart.expectSchemaOfValues()
    }

    @Test("Each file that kustomize applies or has as a component is used by a template")
    func complete() throws {
        let templates = try ["crds", "rbac", "operator", "components"].map {
            try Repository.text("\(chart.folder)/templates/\($0).yaml")
        }.joined()
        let root = Repository.root.appendingPathComponent("manifests")
        for folder in ["crds", "rbac", "operator", "components"] {
            let link = Repository.root.appendingPathComponent("\(chart.folder)/files/\(folder)")
            #expect(link.resolvingSymlinksInPath().path == root.appendingPathComponent(folder).path)
            let files = try FileManager.default.subpathsOfDirectory(atPath: root.appendingPathComponent(folder).path)
                .filter { $0.hasSuffix(".yaml") && !$0.hasSuffix("kustomization.yaml") }
            for file in files {
                let name = file.dropLast(5)
                let last = name.split(separator: "/").last ?? ""
                #expect(templates.contains(name) || templates.contains("\"\(last)\""), "\(folder)/\(file)")
            }
        }
    }

    @Test("The security contexts in its values are those of the manifests")
    func securityContexts() throws {
        let values = try chart.yaml("values.yaml")
        let pod = try YAML.parse(Repository.text("manifests/operator/deployment.yaml"))[path: [
            "spec", "template", "spec",
        ]]
        #expect(values["podSecurityContext"] == pod?["securityContext"])
        #expect(values["securityContext"] == pod?["containers"]?.array?.first?["securityContext"])
    }

    // MARK: With helm

    @Test("By default it renders what kustomize applies, in another namespace too")
    func sameAsKustomize() throws {
        guard let applied = try Chart.run("kubectl", ["kustomize", "manifests"]), let helm = try chart.template() else {
            return
        }
        #expect(applied.status == 0 && helm.status == 0, "\(helm.text)")
        let wanted = try Chart.objects(applied.text)
        Chart.compare(try Chart.objects(helm.text), wanted)
        let other = try Chart.objects(try chart.template(namespace: "other")?.text ?? "")
        #expect(other.count == wanted.count)
        for (key, object) in other where !key.hasPrefix("CustomResourceDefinition") {
            #expect(!object.serializedString.contains("\"flyte\""), "\(key)")
        }
    }

    @Test("With everything switched on it renders each file of the components as it is")
    func components() throws {
        let switches = try (chart.yaml("values.yaml").object ?? [:]).filter { $0.value["enabled"] == false }.keys
            .sorted()
        #expect(switches.count >= 8)
        let some = switches.flatMap { ["--set", "\($0).enabled=true"] }
        guard let helm = try chart.template(some), let base = try chart.template() else { return }
        #expect(helm.status == 0, "\(helm.text)")
        let folder = Repository.root.appendingPathComponent("manifests/components")
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".yaml") && !$0.hasSuffix("kustomization.yaml") }
        let wanted = try files.reduce(into: try Chart.objects(base.text)) { all, file in
            let more = try Chart.objects(Repository.text("manifests/components/\(file)"))
            all.merge(more) { first, _ in first }
        }
        Chart.compare(try Chart.objects(helm.text), wanted)
    }

    @Test("Its values reach the Role and the pod")
    func values() throws {
        guard
            let helm = try chart.template([
                "--set", "secretNames={team-values,dp-3}", "--set", "configMapNames={more}",
                "--set", "publish.enabled=true,publish.configMapNames={clusters}",
                "--set", "restart.enabled=true,restart.deploymentNames={admin2}",
                "--set", "image.repository=images.example.com/squadron,image.tag=v1,replicas=1",
                "--set", "extraArgs={--log-level=debug}", "--set", "podLabels.team=ml",
            ])
        else { return }
        #expect(helm.status == 0, "\(helm.text)")
        let objects = try Chart.objects(helm.text)
        func names(_ role: String) -> [[String]] {
            (objects["Role flyte/\(role)"]?["rules"]?.array ?? []).map {
                ($0["resourceNames"]?.array ?? []).compactMap(\.string)
            }
        }
        #expect(names("squadron").contains(["cluster-credentials", "squadron-credentials", "team-values", "dp-3"]))
        #expect(names("squadron").contains { $0.first == "clusterresource-template" && $0.last == "more" })
        #expect(names("squadron-publish").first?.last == "clusters")
        #expect(names("squadron-restart").first?.last == "admin2")
        let deployment = objects["Deployment flyte/squadron"]?["spec"]
        let container = deployment?[path: ["template", "spec", "containers"]]?.array?.first
        #expect(deployment?["replicas"] == 1 && container?["image"] == "images.example.com/squadron:v1")
        #expect(container?["args"]?.array?.last == "--log-level=debug")
        #expect(deployment?[path: ["template", "metadata", "labels", "team"]] == "ml")
        #expect(deployment?[path: ["selector", "matchLabels"]] == ["app.kubernetes.io/name": "squadron"])
    }

    @Test("A security context is added to the secure defaults, and null takes a field away")
    func securityContextsMerged() throws {
        let arguments = [
            "--set", "podSecurityContext.fsGroup=2000,podSecurityContext.runAsUser=null",
            "--set", "securityContext.privileged=false",
        ]
        guard let helm = try chart.template(arguments) else { return }
        #expect(helm.status == 0, "\(helm.text)")
        let pod = try Chart.objects(helm.text)["Deployment flyte/squadron"]?[path: ["spec", "template", "spec"]]
        #expect(
            pod?["securityContext"] == [
                "runAsNonRoot": true, "runAsGroup": 65532, "seccompProfile": ["type": "RuntimeDefault"],
                "fsGroup": 2000,
            ])
        #expect(
            pod?["containers"]?.array?.first?["securityContext"] == [
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": ["drop": ["ALL"]],
                "privileged": false,
            ])
    }

    @Test("With the runbook's address, each alert has a link that a browser can open")
    func runbook() throws {
        let address = "https://wiki.example.com/squadron/runbook"
        guard let helm = try chart.template(["--set", "monitoring.enabled=true,monitoring.runbookURL=\(address)"])
        else {
            return
        }
        #expect(helm.status == 0, "\(helm.text)")
        let groups = try Chart.objects(helm.text)["PrometheusRule flyte/squadron"]?[path: ["spec", "groups"]]?.array
        let rules = groups?.first?["rules"]?.array ?? []
        #expect(rules.count == 10)
        for rule in rules {
            let name = rule["alert"]?.string?.lowercased() ?? ""
            #expect(rule[path: ["annotations", "runbook_url"]]?.string == "\(address)#\(name)")
        }
        let refused = try chart.template(["--set", "monitoring.runbookURL=docs/runbook.md"])
        #expect(refused.map { $0.status != 0 } ?? true)
    }

    @Test("It refuses unknown values, names that can't be one, and an old Kubernetes")
    func refusals() throws {
        for arguments in [["--set", "secretNmaes={a}"], ["--set", "secretNames={A_b}"], ["--set", "replicas=many"]] {
            guard let helm = try chart.template(arguments) else { return }
            #expect(helm.status != 0, "\(arguments)")
        }
        let old = try chart.template(kubernetes: "1.27.7")
        #expect(old.map { $0.status != 0 } ?? true)
    }
}
