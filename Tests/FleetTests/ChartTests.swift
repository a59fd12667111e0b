import Foundation
import JSON
import Testing
import YAML

/// The Helm chart in manifests/chart. What needs helm is left out where it isn't in PATH (CI has none).
@Suite("Chart")
struct ChartTests {
    private static let chart = "manifests/chart"
    private func yaml(_ file: String) throws -> JSON {
        try YAML.parse(Repository.text("\(Self.chart)/\(file)"))
    }

    @Test("Its version is that of the program, and it says which Kubernetes it needs")
    func version() throws {
        let chart = try yaml("Chart.yaml")
        let source = try Repository.text("Sources/Operator/Version.swift")
        let version = source.components(separatedBy: "current = \"").last?.prefix { $0 != "\"" }
        #expect(chart["version"]?.string == version.map(String.init) && chart["appVersion"] == chart["version"])
        #expect(chart["kubeVersion"] == ">=1.28.0-0")
    }

    @Test("The schema has each value, and no other")
    func schema() throws {
        let schema = try JSON(parsing: Array(Repository.text("\(Self.chart)/values.schema.json").utf8))
        let values = try yaml("values.yaml")
        let known = Set((schema["properties"]?.object ?? [:]).keys).subtracting(["global"])
        #expect(Set((values.object ?? [:]).keys) == known && schema["additionalProperties"] == false)
        for (name, value) in values.object ?? [:] {
            let properties = schema[path: ["properties", name, "properties"]]?.object
            if let properties { #expect(Set(properties.keys) == Set((value.object ?? [:]).keys), "\(name)") }
        }
    }

    @Test("Each file that kustomize applies or has as a component is used by a template")
    func complete() throws {
        let templates = try ["crds", "rbac", "operator", "components"].map {
            try Repository.text("\(Self.chart)/templates/\($0).yaml")
        }.joined()
        let root = Repository.root.appendingPathComponent("manifests")
        for folder in ["crds", "rbac", "operator", "components"] {
            let link = Repository.root.appendingPathComponent("\(Self.chart)/files/\(folder)")
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

    // MARK: With helm

    private func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, text: String)? {
        let paths = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(program)" }
        guard let path = paths.first(where: FileManager.default.isExecutableFile) else {
            print("\(program) isn't there: a test of the chart is left out")
            return nil
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.currentDirectoryURL = Repository.root
        let (output, complaints) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = complaints
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        let said = complaints.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let text = process.terminationStatus == 0 ? data : said
        return (process.terminationStatus, String(decoding: text, as: UTF8.self))
    }

    private func helm(_ arguments: String..., namespace: String = "flyte") throws -> (status: Int32, text: String)? {
        try run(
            "helm",
            ["template", "squadron", Self.chart, "--namespace", namespace, "--kube-version", "1.36.0"] + arguments)
    }

    /// By kind, namespace and name, without what Helm alone needs.
    private func objects(_ text: String) throws -> [String: JSON] {
        try YAML.documents(text).map { try $0.json() }.reduce(into: [:]) { all, object in
            var object = object
            guard let kind = object["kind"]?.string, let name = object[path: ["metadata", "name"]]?.string else {
                return
            }
            let annotations = object[path: ["metadata", "annotations"]]?.object
            if annotations == ["helm.sh/resource-policy": "keep"] { object["metadata"]?["annotations"] = nil }
            let namespace = object[path: ["metadata", "namespace"]]?.string ?? ""
            #expect(all.updateValue(object, forKey: "\(kind) \(namespace)/\(name)") == nil, "\(kind) \(name) twice")
        }
    }

    private func compare(_ rendered: [String: JSON], _ wanted: [String: JSON]) {
        #expect(Set(rendered.keys) == Set(wanted.keys))
        for (key, object) in wanted { #expect(rendered[key] == object, "\(key)") }
    }

    @Test("By default it renders what kustomize applies, in another namespace too")
    func sameAsKustomize() throws {
        guard let applied = try run("kubectl", ["kustomize", "manifests"]), let helm = try helm() else { return }
        #expect(applied.status == 0 && helm.status == 0, "\(helm.text)")
        let wanted = try objects(applied.text)
        compare(try objects(helm.text), wanted)
        let other = try objects(try self.helm(namespace: "other")?.text ?? "")
        #expect(other.count == wanted.count)
        for (key, object) in other where !key.hasPrefix("CustomResourceDefinition") {
            #expect(!object.serializedString.contains("\"flyte\""), "\(key)")
        }
    }

    @Test("With everything switched on it renders each file of the components as it is")
    func components() throws {
        let switches = try (yaml("values.yaml").object ?? [:]).filter { $0.value["enabled"] == false }.keys.sorted()
        #expect(switches.count >= 8)
        let arguments = ["template", "squadron", Self.chart, "--namespace", "flyte", "--kube-version", "1.36.0"]
        let some = arguments + switches.flatMap { ["--set", "\($0).enabled=true"] }
        guard let helm = try run("helm", some), let base = try self.helm() else { return }
        #expect(helm.status == 0, "\(helm.text)")
        let folder = Repository.root.appendingPathComponent("manifests/components")
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".yaml") && !$0.hasSuffix("kustomization.yaml") }
        let wanted = try files.reduce(into: try objects(base.text)) { all, file in
            let more = try objects(Repository.text("manifests/components/\(file)"))
            all.merge(more) { first, _ in first }
        }
        compare(try objects(helm.text), wanted)
    }

    @Test("Its values reach the Role and the pod")
    func values() throws {
        guard
            let helm = try helm(
                "--set", "secretNames={team-values,dp-3}", "--set", "configMapNames={more}",
                "--set", "publish.enabled=true,publish.configMapNames={clusters}",
                "--set", "restart.enabled=true,restart.deploymentNames={admin2}",
                "--set", "image.repository=images.example.com/squadron,image.tag=v1,replicas=1",
                "--set", "extraArgs={--log-level=debug}", "--set", "podLabels.team=ml")
        else { return }
        #expect(helm.status == 0, "\(helm.text)")
        let objects = try objects(helm.text)
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

    @Test("It refuses unknown values, names that can't be one, and an old Kubernetes")
    func refusals() throws {
        for arguments in [["--set", "secretNmaes={a}"], ["--set", "secretNames={A_b}"], ["--set", "replicas=many"]] {
            guard let helm = try run("helm", ["template", "squadron", Self.chart] + arguments) else { return }
            #expect(helm.status != 0, "\(arguments)")
        }
        let old = try run("helm", ["template", "squadron", Self.chart, "--kube-version", "1.27.7"])
        #expect(old.map { $0.status != 0 } ?? true)
    }
}
