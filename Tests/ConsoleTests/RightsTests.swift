import Fleet
import Foundation
import JSON
import KubeObjects
import Testing
import YAML

@testable import Console

@Suite("squadron rbac")
struct RightsTests {
    /// One right: a part of a rule for one verb, resource and name.
    private struct Right: Hashable, CustomStringConvertible {
        var group: String
        var resource: String
        var verb: String
        var name: String
        var description: String { "\(verb) \(resource).\(group) \(name)" }
    }

    private func rights(_ role: JSON) -> Set<Right> {
        func texts(_ rule: JSON, _ field: String) -> [String] { (rule[field]?.array ?? []).compactMap(\.string) }
        var result: Set<Right> = []
        for rule in role["rules"]?.array ?? [] {
            let names = rule["resourceNames"] == nil ? ["*"] : texts(rule, "resourceNames")
            for group in texts(rule, "apiGroups") {
                for resource in texts(rule, "resources") {
                    for verb in texts(rule, "verbs") {
                        for name in names {
                            result.insert(Right(group: group, resource: resource, verb: verb, name: name))
                        }
                    }
                }
            }
        }
        return result
    }

    private func manifest(_ path: String) throws -> [JSON] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "manifests/\(path)"), encoding: .utf8)
        return try YAML.documents(text).map { try $0.json() }
    }

    private func needed(
        _ registry: JSON = [:], planes: [JSON] = [["endpoint": "https://a"]], templates: TemplateSet? = .standard,
        secrets: Set<String> = ["cluster-credentials"], configMaps: Set<String> = []
    ) throws -> NeededRights {
        let spec = try ClusterRegistry(json: ["metadata": ["name": "flyte"], "spec": registry]).spec
        let dataPlanes = try planes.enumerated().map { number, spec in
            try DataPlane(json: ["metadata": ["name": .string("dp\(number)")], "spec": spec])
        }
        return NeededRights(
            registry: spec, dataPlanes: dataPlanes, names: .init(secrets: secrets, configMaps: configMaps),
            templates: templates, namespace: "flyte")
    }

    @Test("A plain configuration needs no more than the manifests give")
    func plain() throws {
        let own: JSON = ["endpoint": "https://a", "credentials": ["secretName": "squadron-credentials"]]
        let documents = try needed(planes: [own]).documents(for: nil)
        #expect(documents.map { $0["kind"]?.string } == ["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"])
        let given = try #require(try manifest("rbac/operator.yaml").first { $0["kind"] == "Role" })
        let all = rights(given)
        for right in rights(documents[0]) {
            var anyName = right
            anyName.name = "*"
            #expect(all.contains(right) || all.contains(anyName), "\(right)")
        }
        let dataPlane = try #require(try manifest("data-plane/data-plane.yaml").first { $0["kind"] == "ClusterRole" })
        #expect(rights(documents[2]).isSubset(of: rights(dataPlane)))
    }

    @Test("What is named is in the Role by its name, and nothing else")
    func names() throws {
        let registry: JSON = [
            "flyteAdmin": ["endpoint": "https://a"],
            "publish": [
                "clustersConfigMap": ["name": "clusters", "key": "k.yaml"], "restart": [["name": "flyteadmin"]],
            ],
        ]
        let role = try needed(registry, secrets: ["b", "a"], configMaps: ["clusters", "templates"])
            .documents(for: .controlPlane)[0]
        let names = Dictionary(grouping: rights(role).filter { $0.name != "*" }) { $0.resource + " " + $0.verb }
            .mapValues { $0.map(\.name).sorted() }
        #expect(names["secrets get"] == ["a", "b"] && names["secrets patch"] == nil)
        #expect(names["configmaps watch"] == ["clusters", "templates"])
        #expect(names["configmaps patch"] == (["clusters"] + FlyteAdminNotes.configMapNames).sorted())
        #expect(names["deployments patch"] == ["flyteadmin"])
        #expect(rights(role).allSatisfy { $0.resource != "secrets" || $0.name != "*" })
    }

    @Test("Data planes need the rights for the templates' kinds, and for prune")
    func dataPlanes() throws {
        let templates = TemplateSet(files: [
            "quota.yaml": "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q, namespace: \"{{ namespace }}\"}\n"
        ])
        let rights = try needed(planes: [["inCluster": true]], templates: templates)
        let documents = rights.documents(for: nil)
        let inCluster = documents.first { $0[path: ["metadata", "name"]] == "squadron-data-plane" }
        let remote = documents.first { $0["kind"] == "ClusterRole" && $0[path: ["metadata", "name"]] == "squadron" }
        let quota = Right(group: "", resource: "resourcequotas", verb: "create", name: "*")
        #expect(self.rights(try #require(remote)).contains(quota))
        #expect(inCluster?["rules"] == remote?["rules"])
        #expect(remote?[path: ["metadata", "annotations", "multicluster.flyte.org/apply-to"]] == "data-planes")
        let pruned = try needed(["prune": true]).documents(for: .dataPlanes)[0]
        #expect(self.rights(pruned).contains(Right(group: "", resource: "secrets", verb: "delete", name: "*")))
        #expect(!self.rights(try #require(remote)).contains { $0.verb == "delete" })
    }

    @Test("An account that flyteadmin uses too keeps its right to FlyteWorkflows")
    func sharedAccount() throws {
        let workflows = Set(
            ["create", "delete"].map {
                Right(group: "flyte.lyft.com", resource: "flyteworkflows", verb: $0, name: "*")
            })
        func given(_ plane: JSON) throws -> Set<Right> {
            rights(try needed(planes: [plane]).documents(for: .dataPlanes)[0])
                .filter { $0.resource == "flyteworkflows" }
        }
        #expect(try given(["endpoint": "https://a"]) == workflows)
        #expect(try given(["endpoint": "https://a", "credentials": ["secretName": "squadron-credentials"]]).isEmpty)
        #expect(try given(["endpoint": "https://a", "flyteAdmin": ["tokenKey": "a_token"]]).isEmpty)
        #expect(try given(["endpoint": "https://a", "credentials": ["provider": "Federated"]]).isEmpty)
    }

    @Test("Renewed tokens need the right to create them, each for its own account")
    func tokens() throws {
        let renewed: JSON = [
            "endpoint": "https://a", "credentials": ["provider": "TokenRequest", "secretName": "squadron-credentials"],
        ]
        let federated: JSON = ["endpoint": "https://b", "credentials": ["provider": "Federated"]]
        let documents = try needed(planes: [renewed, federated]).documents(for: nil)
        func right(_ verb: String, _ resource: String, _ name: String) -> Right {
            Right(group: "", resource: resource, verb: verb, name: name)
        }
        let own = documents.first { $0["kind"] == "Role" && $0[path: ["metadata", "name"]] == "squadron-token" }
        #expect(rights(try #require(own)) == [right("create", "serviceaccounts/token", "squadron")])
        let control = rights(documents[0])
        #expect(control.contains(right("create", "serviceaccounts/token", "squadron")))
        #expect(control.contains(right("patch", "secrets", "squadron-credentials")))
        let plain: [Right] = try needed().documents(for: nil).flatMap { Array(rights($0)) }
        #expect(!plain.contains { $0.resource == "serviceaccounts/token" })
        #expect(!plain.contains { $0.resource == "secrets" && $0.verb == "patch" })
    }

    @Test("Flyte's health needs one Deployment, where propeller is")
    func flyteHealth() throws {
        let settings: JSON = ["flyteHealth": ["enabled": true, "namespace": "flyte-system", "deployment": "p"]]
        let roles = try needed(settings).documents(for: .dataPlanes).filter { $0["kind"] == "Role" }
        #expect(roles.map { $0[path: ["metadata", "namespace"]] } == ["flyte-system"])
        let expected = ["get", "list", "watch"].map {
            Right(group: "apps", resource: "deployments", verb: $0, name: "p")
        }
        #expect(rights(roles[0]) == Set(expected))
        #expect(try needed().documents(for: .dataPlanes).allSatisfy { $0["kind"] != "Role" })
    }

    @Test("Copied Secrets need rights in the data planes, a selector the right to list here")
    func copies() throws {
        let secrets = { (verb: String) in Right(group: "", resource: "secrets", verb: verb, name: "*") }
        let named = try needed(["replicateSecrets": [["name": "pull"]]]).documents(for: nil)
        #expect(!rights(named[0]).contains(secrets("list")))
        let remote = try #require(named.first { $0["kind"] == "ClusterRole" })
        #expect(["get", "list", "watch", "create", "patch"].allSatisfy { rights(remote).contains(secrets($0)) })
        #expect(!rights(remote).contains(secrets("delete")))
        let selected = try needed(["replicateSecrets": [["selector": [:]]]]).documents(for: .controlPlane)
        #expect(rights(selected[0]).contains(secrets("list")) && !rights(selected[0]).contains(secrets("get")))
    }

    @Test("ClusterProfiles need a Role in each namespace that has them")
    func profiles() throws {
        let registry: JSON = ["clusterProfiles": [["namespace": "kueue-system"], ["namespace": "other"]]]
        let roles = try needed(registry).documents(for: .controlPlane).filter {
            $0["kind"] == "Role" && $0[path: ["metadata", "name"]] == "squadron-cluster-profiles"
        }
        #expect(roles.map { $0[path: ["metadata", "namespace"]] } == ["kueue-system", "other"])
        let file = try manifest("components/cluster-profiles/rbac.yaml")
        #expect(rights(roles[0]) == rights(try #require(file.first { $0["kind"] == "ClusterRole" })))
    }

    @Test("An unknown kind and an account of another name are reported")
    func unknown() throws {
        let templates = TemplateSet(files: [
            "x.yaml": "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: q, namespace: \"{{ namespace }}\"}\n"
        ])
        let rights = try needed(templates: templates)
        #expect(rights.isIncomplete && rights.notes.first?.contains("Thing (example.com/v1)") == true)
        #expect(try needed(templates: nil).isIncomplete)
        #expect(try !needed().isIncomplete)
    }

    @Test("YAML and JSON hold the same documents")
    func formats() throws {
        let rights = try needed()
        let yaml = try YAML.documents(rights.rendered(for: nil, as: .yaml)).map { try $0.json() }
        let list = try JSON(parsing: rights.rendered(for: nil, as: .json))
        #expect(list["items"]?.array == yaml && yaml.count == 4)
    }
}
