import Foundation
import JSON
import Testing
import YAML

@Suite("What is in manifests, and what is not")
struct ManifestLayoutTests {
    static let components = [
        "publish", "restart", "in-cluster-data-plane", "prune", "network-policy", "monitoring", "admission-policies",
        "data-plane-admission-policies", "token-write-back", "federated", "staged-rollout", "flyte-health",
        "replicate-secrets", "replicate-secrets-selector", "cluster-profiles",
    ]
    private static func folder(_ component: String) -> String { "manifests/components/\(component)" }
    private static func name(_ object: JSON) -> String? { object[path: ["metadata", "name"]]?.string }

    /// What a kustomization names, from its own folder.
    private func resources(of folder: String) throws -> [String] {
        let kustomization = try YAML.parse(Repository.text("\(folder)/kustomization.yaml"))
        return (kustomization["resources"]?.array ?? []).compactMap(\.string)
    }
    private func base() throws -> [JSON] {
        try resources(of: "manifests").flatMap { try YAML.documents(Repository.text("manifests/\($0)")) }
            .map { try $0.json() }
    }

    @Test("No Namespace is in what people delete")
    func noNamespace() throws {
        let folders = ["manifests/data-plane"] + Self.components.map(Self.folder)
        let all = try base() + folders.flatMap(Repository.documents)
        #expect(all.count > 20 && !all.contains { $0["kind"] == "Namespace" })
    }

    @Test("Each component is a Component with all files of its folder", arguments: components)
    func complete(_ component: String) throws {
        let kustomization = try YAML.parse(Repository.text("\(Self.folder(component))/kustomization.yaml"))
        #expect(kustomization["kind"]?.string == "Component")
        let files = try FileManager.default.contentsOfDirectory(
            atPath: Repository.root.appendingPathComponent(Self.folder(component)).path)
        #expect(Set(files) == Set(try resources(of: Self.folder(component)) + ["kustomization.yaml"]))
    }

    @Test("The kustomization lists every component, and no component is on by default")
    func listed() throws {
        let folder = Repository.root.appendingPathComponent("manifests/components").path
        #expect(Set(try FileManager.default.contentsOfDirectory(atPath: folder)) == Set(Self.components))
        let text = try Repository.text("manifests/kustomization.yaml")
        for component in Self.components { #expect(text.contains("#   - components/\(component) "), "\(component)") }
        #expect(try YAML.parse(text)["components"] == nil)
    }

    @Test("By default the operator reaches nothing outside its namespace, and no Deployment")
    func leastByDefault() throws {
        let objects = try base()
        #expect(!objects.contains { $0["kind"] == "ClusterRoleBinding" })
        let rules = objects.filter { $0["kind"] == "Role" }.flatMap { $0["rules"]?.array ?? [] }
        let resources = rules.flatMap { $0["resources"]?.array ?? [] }.compactMap(\.string)
        #expect(!resources.contains("deployments") && !resources.contains("*"))
        // A Role grants it for its own Namespace only, so that no name has to follow another namespace.
        let ofNamespaces = rules.filter { $0["resources"]?.array?.contains("namespaces") == true }
        #expect(ofNamespaces.map { $0["verbs"] } == [["get"]])
        #expect(ofNamespaces.allSatisfy { $0["resourceNames"] == nil })
        #expect(!rules.contains { $0["resourceNames"]?.array?.contains("flyte") == true })
    }

    @Test("Each rule for people is as narrow as its name and adds to Kubernetes' own roles")
    func users() throws {
        let roles = try YAML.documents(Repository.text("manifests/rbac/users.yaml")).map { try $0.json() }
        #expect(roles.map(Self.name) == ["squadron-view", "squadron-project-editor", "squadron-fleet-admin"])
        let reading: Set<String> = ["get", "list", "watch"]
        let kinds: Set<String> = [
            "dataplanes", "executionlabels", "executionclusterlabels", "flyteprojects", "clusterregistries",
        ]
        let written = roles.map { role in
            (role["rules"]?.array ?? []).reduce(into: Set<String>()) { all, rule in
                let verbs = Set((rule["verbs"]?.array ?? []).compactMap(\.string))
                let resources = (rule["resources"]?.array ?? []).compactMap(\.string)
                #expect(rule["apiGroups"] == ["multicluster.flyte.org"] && verbs.isSuperset(of: reading))
                #expect(kinds.isSuperset(of: resources), "no status, no escalation: \(resources)")
                if verbs != reading { all.formUnion(resources) }
            }
        }
        #expect(written == [[], ["flyteprojects", "executionclusterlabels"], kinds])
        let aggregated = roles.map { role in
            ["view", "edit", "admin"].filter {
                let label = "rbac.authorization.k8s.io/aggregate-to-\($0)"
                return role[path: ["metadata", "labels", label]] == "true"
            }
        }
        #expect(aggregated == [["view", "edit", "admin"], ["edit", "admin"], ["admin"]])
    }

    @Test("Every binding is of the account squadron and a role of the same name")
    func bindings() throws {
        let folders = ["manifests/rbac", "manifests/data-plane"] + Self.components.map(Self.folder)
        let all = try folders.flatMap(Repository.documents)
        let bindings = all.filter { $0["kind"]?.string?.hasSuffix("Binding") == true && $0["roleRef"] != nil }
        #expect(bindings.count >= 7)
        for binding in bindings {
            #expect(binding["subjects"] == [["kind": "ServiceAccount", "name": "squadron", "namespace": "flyte"]])
            #expect(binding[path: ["roleRef", "name"]] == binding[path: ["metadata", "name"]])
        }
    }

    /// Where kubectl is (`make test` installs it): whichever there is has to build the folders that people apply.
    private func kustomize(_ folder: String) throws -> (status: Int32, objects: [JSON])? {
        let candidates = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
            .map { "\($0)/kubectl" }
        guard let kubectl = candidates.first(where: FileManager.default.isExecutableFile) else { return nil }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: kubectl)
        process.arguments = ["kustomize", folder]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let text = String(decoding: data, as: UTF8.self)
        return (process.terminationStatus, try YAML.documents(text).map { try $0.json() })
    }

    /// A copy of manifests with other kustomizations.
    private func edited(_ edit: (String) -> String, _ body: (String) throws -> Void) throws {
        let manager = FileManager.default
        let copy = manager.temporaryDirectory.appendingPathComponent("manifests-\(UUID().uuidString)")
        try manager.copyItem(at: Repository.root.appendingPathComponent("manifests"), to: copy)
        defer { try? manager.removeItem(at: copy) }
        for folder in [copy, copy.appendingPathComponent("data-plane")] {
            let file = folder.appendingPathComponent("kustomization.yaml")
            try edit(String(contentsOf: file, encoding: .utf8)).write(to: file, atomically: true, encoding: .utf8)
        }
        try body(copy.path)
    }

    @Test("A namespace other than flyte takes one field, here and in a data plane")
    func otherNamespace() throws {
        try edited({ $0.replacingOccurrences(of: "\nnamespace: flyte\n", with: "\nnamespace: other\n") }) { folder in
            for folder in [folder, folder + "/data-plane"] {
                guard let (status, objects) = try kustomize(folder) else { return }
                #expect(status == 0 && objects.count >= 4)
                let namespaces = objects.compactMap { $0[path: ["metadata", "namespace"]]?.string }
                let subjects = objects.flatMap { $0["subjects"]?.array ?? [] }.map { $0["namespace"]?.string }
                #expect(Set(namespaces) == ["other"] && Set(subjects) == ["other"])
                let ours = objects.filter { $0["kind"] != "CustomResourceDefinition" }
                #expect(!ours.contains { $0.serializedString.contains("\"flyte\"") })
            }
        }
    }

    @Test("With all components switched on, kubectl builds them, in another namespace too")
    func everything() throws {
        func switchedOn(_ text: String) -> String {
            text.replacingOccurrences(of: "\nnamespace: flyte\n", with: "\nnamespace: other\n")
                .replacingOccurrences(of: "# components:", with: "components:")
                .replacingOccurrences(of: "\n#   - ", with: "\n  - ")
        }
        try edited(switchedOn) { folder in
            // kubectl 1.20 knows no components.
            guard let (status, objects) = try kustomize(folder), status == 0,
                objects.contains(where: { $0["kind"] == "NetworkPolicy" })
            else { return }
            let names = Set(objects.compactMap { "\($0["kind"]?.string ?? "") \(Self.name($0) ?? "")" })
            for name in [
                "Role squadron-publish", "Role squadron-restart", "ClusterRole squadron-data-plane",
                "ClusterRole squadron-prune", "NetworkPolicy squadron", "PodMonitor squadron",
                "ValidatingAdmissionPolicy squadron-deployments", "ValidatingAdmissionPolicy squadron-objects",
            ] {
                #expect(names.contains(name), "\(name)")
            }
            let subjects = objects.flatMap { $0["subjects"]?.array ?? [] }.map { $0["namespace"]?.string }
            #expect(Set(subjects) == ["other"])
        }
    }
}
