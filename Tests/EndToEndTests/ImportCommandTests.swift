import DevCluster
import Foundation
import JSON
import TestSupport
import Testing
import YAML

extension EndToEnd.Commands {
    @Suite("Import, export and doctor")
    struct ImportCommands {
        private func squadron(
            _ arguments: [String], _ fleet: TestFleet<DevCluster>, files: [String: String] = [:]
        ) async throws -> (status: Int32, output: String) {
            let folder = try TemporaryFolder()
            for (name, text) in files {
                try Data(text.utf8).write(to: folder.url.appending(path: name))
            }
            let path = folder.url.appending(path: "kubeconfig")
            try Data(try fleet.controlPlane.kubeconfig().utf8).write(to: path)
            let named = arguments.map { files[$0] == nil ? $0 : folder.url.appending(path: $0).path }
            let process = try SquadronProcess(named + ["--kubeconfig", path.path], folder: folder)
            try await process.ends()
            return (process.status, process.output)
        }

        /// The manifests, without what stands on standard error.
        private func documents(_ output: String) throws -> [JSON] {
            let lines = output.split(separator: "\n", omittingEmptySubsequences: false).filter {
                !$0.hasPrefix("note: ")
            }
            return try YAML.documents(lines.joined(separator: "\n")).map { try $0.json() }
        }

        private static let templates = FlyteCoreTemplates.files

        private static func configMap(_ name: String, _ data: [String: String]) -> JSON {
            [
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": [
                    "name": .string(name), "namespace": "flyte", "labels": ["app.kubernetes.io/managed-by": "Helm"],
                ], "data": .object(data.mapValues { .string($0) }),
            ]
        }

        /// What flyte-core 1.16 renders, in the control plane, and what its syncresources has left in the data plane.
        private static func install(_ fleet: TestFleet<DevCluster>) async throws {
            let clusters = """
                clusters:
                  clusterConfigs:
                  - name: dataplane_1
                    enabled: true
                    endpoint: \(fleet[1].url)
                    auth: {type: file_path, tokenPath: /var/run/credentials/dataplane_1_token, certPath: /var/run/credentials/dataplane_1_cacert}
                  labelClusterMap:
                    label1:
                    - id: dataplane_1
                      weight: 1
                """
            let resources = """
                cluster_resources:
                  customData:
                  - production:
                    - projectQuotaCpu: {value: "5"}
                    - projectQuotaMemory: {value: 4000Mi}
                  - staging:
                    - projectQuotaCpu: {value: "2"}
                    - projectQuotaMemory: {value: 3000Mi}
                  - development:
                    - projectQuotaCpu: {value: "4"}
                    - projectQuotaMemory: {value: 3000Mi}
                  refreshInterval: 5m
                  standaloneDeployment: false
                  templatePath: /etc/flyte/clusterresource/templates
                  templateData:
                  - defaultIamRole: {value: "arn:aws:iam::1:role/flyte-user-role"}
                """
            let domains = """
                domains:
                - {id: development, name: development}
                - {id: staging, name: staging}
                - {id: production, name: production}
                """
            let base = ["domain.yaml": domains, "server.yaml": "server: {httpPort: 8088}"]
            let sync = ["cluster_resources.yaml": resources, "domain.yaml": domains, "clusters.yaml": clusters]
            for (name, data) in [
                ("flyte-admin-clusters-config", ["clusters.yaml": clusters]), ("flyte-admin-base-config", base),
                ("flyte-clusterresourcesync-config", sync), ("clusterresource-template", templates),
            ] {
                try await fleet.admin.apply(configMap(name, data), as: "helm")
            }
            for (domain, cpu, memory) in [
                ("development", "4", "3000Mi"), ("staging", "2", "3000Mi"), ("production", "20", "4000Mi"),
            ] {
                try await SyncResources(server: fleet[1].admin).run(
                    templates,
                    [
                        "namespace": "p1-\(domain)", "projectQuotaCpu": cpu, "projectQuotaMemory": memory,
                        "defaultIamRole": "arn:aws:iam::1:role/flyte-user-role",
                    ])
            }
            try await fleet[1].admin.apply(FlyteTemplates.rights)
        }

        @Test("What is imported of a running Flyte plans our own labels and no more")
        func observes() async throws {
            try await withFleet(of: 1) { fleet in
                try await Self.install(fleet)
                let files = [
                    "cra.yaml":
                        "{project: p1, domain: production, attributes: {projectQuotaCpu: '20', projectQuotaMemory: 4000Mi}}",
                    "ecl.yaml": "{project: p1, domain: development, value: label1}",
                ]
                let arguments = ["--clusters", "configmap", "--attributes", "cra.yaml", "--attributes", "ecl.yaml"]
                let check = try await squadron(["import", "check"] + arguments, fleet, files: files)
                #expect(check.status == 0 && check.output.contains("everything can be taken over"), "\(check.output)")
                let imported = try await squadron(["import"] + arguments, fleet, files: files)
                #expect(imported.status == 0, "\(imported.output)")
                try await fleet.admin.apply(try documents(imported.output))
                fleet[1].requestLog.reset()
                try await fleet.operating { _ in
                    let plan = try await fleet.plans(1) { $0["change"] == 9 }
                    #expect(plan["create"] == 0 && plan["delete"] == 0 && plan["conflict"] == 0, "\(plan)")
                    for example in plan["examples"]?.array ?? [] {
                        for field in (example["fields"]?.array ?? []).compactMap(\.string) {
                            let isOurs =
                                field == ".metadata.labels.app.kubernetes.io/managed-by"
                                || field.hasPrefix(".metadata.labels.multicluster.flyte.org/")
                                || field.hasPrefix(".metadata.annotations.multicluster.flyte.org/")
                            #expect(isOurs, "\(field) of \(example)")
                        }
                    }
                    let written: Set<String> = ["namespaces", "serviceaccounts", "resourcequotas"]
                    #expect(fleet[1].requestLog.writes(to: written) == 0)
                }
                // And the way back is the same fleet.
                let exported = try await squadron(["export", "-o", "json"], fleet)
                #expect(exported.status == 0, "\(exported.output)")
            }
        }

        @Test("What can't be imported ends with the exit codes of the contract")
        func refused() async throws {
            let folder = try TemporaryFolder()
            let file = folder.url.appending(path: "bad.yaml")
            try Data("clusters:\n  a: [".utf8).write(to: file)
            let left = folder.url.appending(path: "left.yaml")
            try Data("clusters: {clusterConfigs: [{name: a, endpoint: 'http://a', enabled: true}]}".utf8).write(
                to: left)
            for (arguments, status, words) in [
                (["import"], 2, "name what to import"),
                (["import", "--clusters", "/does/not/exist"], 2, "/does/not/exist"),
                (["import", "--clusters", file.path], 2, "bad.yaml, line"),
                (["import", "check", "--clusters", left.path], 3, "left.yaml, line 1: cluster a"),
                (["import", "--clusters", left.path], 0, "can't be taken over"),
                (["import", "--flyteadmin", "http://a.example.com", "--from-flyteadmin"], 2, "https://"),
            ] as [([String], Int32, String)] {
                let process = try SquadronProcess(arguments, folder: folder)
                try await process.ends()
                #expect(process.status == status, "\(arguments): \(process.output)")
                #expect(process.output.contains(words), "\(arguments): \(process.output)")
            }
        }

        @Test("A running flyteadmin's projects and labels are imported")
        func fromFlyteAdmin() async throws {
            try await withFlyteAdmin { fleet, flyteAdmin in
                flyteAdmin.edit { tables in
                    tables.setLabel("label1", project: "team1", domain: "development")
                    tables.setLabel("label2", project: "team1", domain: "development", workflow: "a.b")
                }
                let imported = try await squadron(["import", "--from-flyteadmin"], fleet)
                #expect(imported.status == 0, "\(imported.output)")
                let documents = try documents(imported.output)
                func names(_ kind: String) -> [String] {
                    documents.filter { $0["kind"]?.string == kind }.compactMap {
                        $0[path: ["metadata", "name"]]?.string
                    }
                }
                #expect(names("FlyteProject") == ["team1", "team2"])
                #expect(names("ExecutionClusterLabel") == ["team1-development", "team1-development-a-b"])
                // The existing registry keeps its settings for flyteadmin.
                #expect(documents.first?[path: ["spec", "flyteAdmin", "endpoint"]]?.string == flyteAdmin.url)
                try await fleet.admin.apply(documents)
            }
        }

        @Test("doctor finds what is wrong with flyteadmin's Deployment, and says what to do")
        func doctor() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics([
                    "workloadIdentity": ["aws": ["roleARN": .string(fleet.role)]],
                    "publish": ["clustersConfigMap": ["name": "flyte-admin-clusters-config"]],
                ])
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.admin.apply([
                    Self.deployment("flyteadmin", "serve"), Self.deployment("syncresources", "run"),
                ])
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    try await fleet.reports("ClusterRegistry", "flyte", "Published", "Published")
                    let found = try await squadron(["doctor", "-o", "json"], fleet)
                    #expect(found.status == 3, "\(found.output)")
                    let checks = try JSON(parsing: found.output)["checks"]?.array ?? []
                    func outcome(_ name: String) -> String? {
                        checks.first { $0["name"]?.string == name }?["outcome"]?.string
                    }
                    for name in ["flyteadmin-mounts", "syncresources", "propeller"] {
                        #expect(outcome(name) == "findings", "\(name): \(found.output)")
                    }
                    for name in ["crds", "operator", "operator-rights", "clocks", "registry", "reach", "upgrade"] {
                        #expect(outcome(name) == "ok", "\(name): \(found.output)")
                    }
                    let text = try await squadron(["doctor"], fleet)
                    #expect(
                        text.output.contains("kubectl -n flyte scale deploy syncresources --replicas=0"),
                        "\(text.output)")
                }
            }
        }

        private static func deployment(_ name: String, _ word: String) -> JSON {
            let labels: JSON = ["app": .string(name)]
            return [
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": ["name": .string(name), "namespace": "flyte"],
                "spec": [
                    "replicas": 1, "selector": ["matchLabels": labels],
                    "template": [
                        "metadata": ["labels": labels],
                        "spec": [
                            "containers": [
                                [
                                    "name": .string(name), "image": "flyteadmin",
                                    "command": ["flyteadmin", "--config", "/etc/flyte/config/*.yaml", .string(word)],
                                ]
                            ]
                        ],
                    ],
                ],
            ]
        }
    }
}
