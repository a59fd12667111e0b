import Fleet
import JSON
import Testing
import YAML

@testable import Console

@Suite("squadron import")
struct ImportTests {
    static let clusters = """
        clusters:
          labelClusterMap:
            Team1: [{id: dataplane_1, weight: 1}]
            label2:
            - {id: dataplane_1, weight: 0.5}
            - {id: dp2, weight: 0.25}
            - {id: nowhere, weight: 0.25}
            label3: [{id: nowhere, weight: 1}]
            label4: [{id: dataplane_1, weight: 0.25}, {id: dataplane_1, weight: 0.75}]
            label5: [{id: dataplane_1, weight: 0}, {id: dp2, weight: 0}]
          defaultExecutionLabel: label2
          clusterConfigs:
          - name: dataplane_1
            endpoint: https://dp1.example.com:443
            enabled: true
            auth: {type: file_path, tokenPath: /var/run/credentials/dataplane_1_token, certPath: /var/run/credentials/dataplane_1_cacert}
          - name: dp2
            endpoint: https://dp2.example.com
            auth: {tokenPath: /var/run/credentials/other_token, certPath: /var/run/credentials/other_cacert}
            kubeClientConfig: {qps: 50, burst: 60, timeout: 20s}
          - name: controlplane
            enabled: true
            inCluster: true
        """

    private func plan(_ fill: (inout ImportSources) -> Void) throws -> ImportPlan {
        var sources = ImportSources()
        fill(&sources)
        return try ImportPlan(sources)
    }
    private func text(_ text: String, _ place: String = "f.yaml") -> ImportText { ImportText(place: place, text: text) }

    private func specs(_ kind: String, _ plan: ImportPlan) -> [String: JSON] {
        Dictionary(
            plan.documents.filter { $0["kind"]?.string == kind }.map {
                ($0[path: ["metadata", "name"]]?.string ?? "", $0["spec"] ?? .null)
            }
        ) { first, _ in first }
    }

    @Test("Clusters become DataPlanes with what differs from the default alone")
    func dataPlanes() throws {
        let plan = try plan { $0.clusters = [text(Self.clusters)] }
        let planes = specs("DataPlane", plan)
        #expect(planes["dataplane-1"] == ["clusterName": "dataplane_1", "endpoint": "https://dp1.example.com:443"])
        #expect(
            planes["dp2"] == [
                "clusterName": "dp2", "endpoint": "https://dp2.example.com", "enabled": false,
                "credentials": ["tokenKey": "other_token", "caCertKey": "other_cacert"],
                "flyteAdmin": ["kubeClientConfig": ["qps": 50, "burst": 60, "timeoutSeconds": 20]],
            ])
        #expect(planes["controlplane"] == ["clusterName": "controlplane", "inCluster": true])
        let registry = specs("ClusterRegistry", plan)["flyte"]
        #expect(registry == ["mode": "Observe", "defaultExecutionLabel": "label2"])
    }

    @Test("Labels are taken over with the effect that they have in flyteadmin")
    func labels() throws {
        let plan = try plan { $0.clusters = [text(Self.clusters)] }
        let labels = specs("ExecutionLabel", plan)
        #expect(labels["team1"] == ["clusters": [["name": "dataplane_1", "weight": 1]]])
        let second = try #require(labels["label2"]?["clusters"]?.array)
        #expect(second.map { $0["name"]?.string } == ["dataplane_1", "dp2"])
        #expect(abs((second[0]["weight"]?.double ?? 0) - 2.0 / 3) < 1e-9)
        #expect(labels["label4"] == ["clusters": [["name": "dataplane_1", "weight": 1]]])
        #expect(labels["label5"]?["clusters"]?[1]?["weight"] == 0.5)
        #expect(labels["label3"] == nil)
        #expect(plan.gaps.map(\.place) == ["f.yaml, line 8"])
        #expect(plan.gaps[0].message.contains("label3 has no known cluster"))
        let notes = plan.notes.joined(separator: "\n")
        #expect(notes.contains("Team1: flyteadmin reads it as team1") && notes.contains("nowhere is left out"))
    }

    @Test("Every manifest fits its kind, and has no problem of its own")
    func manifests() throws {
        let plan = try plan {
            $0.clusters = [text(Self.clusters)]
            $0.attributes = [text("{project: p, domain: production, value: label2}")]
        }
        for document in plan.documents {
            switch document["kind"]?.string {
            case "DataPlane": #expect(try DataPlane(json: document).spec.problems().isEmpty)
            case "ExecutionLabel":
                let spec = try ExecutionLabel(json: document).spec
                #expect(spec.problems().isEmpty && LabelWeights.problem(spec.clusters) == nil)
            case "ClusterRegistry": #expect(try ClusterRegistry(json: document).spec.problems().isEmpty)
            case "ExecutionClusterLabel": #expect(try ExecutionClusterLabel(json: document).spec.problems().isEmpty)
            default: Issue.record("\(document)")
            }
        }
    }

    static let bad: [(yaml: String, place: String, words: String)] = [
        ("- {name: a, endpoint: 'http://a', enabled: true}", "line 3", "https://"),
        ("- {name: a, endpoint: 'https://{{ .Values.host }}'}", "line 3", "flyte-admin-clusters-config"),
        ("- {name: a, endpoint: 'https://a'}", "line 3", "tokenPath"),
        ("- {endpoint: 'https://a'}", "line 3", "no name"),
        ("- {name: 'a b', endpoint: 'https://a'}", "line 3", "is not a cluster id"),
        (
            "- {name: a, endpoint: 'https://a', auth: {tokenPath: /c/a_token, certPath: /c/b_cacert}}", "line 3",
            "KeysMismatch"
        ),
        (
            "- {name: a, endpoint: 'https://a', auth: {tokenPath: /c/a_token, certPath: /d/a_cacert}}", "line 3",
            "different folders"
        ),
        ("- {name: a, inCluster: true}\n  - {name: a, inCluster: true}", "line 4", "appears twice"),
    ]
    @Test("A cluster that can't be taken over is named with its line", arguments: bad)
    func badClusters(_ entry: (yaml: String, place: String, words: String)) throws {
        let plan = try plan { $0.clusters = [text("clusters:\n  clusterConfigs:\n  " + entry.yaml)] }
        #expect(plan.gaps.count == 1, "\(plan.gaps)")
        #expect(plan.gaps.first?.place == "f.yaml, " + entry.place)
        #expect(plan.gaps.first?.message.contains(entry.words) == true, "\(plan.gaps)")
        #expect(plan.check.outcome == .findings)
    }

    static let oddForms: [(yaml: String, words: String)] = [
        ("customData: [{production: x}]", "line 2: customData.production: is neither a map nor a list of maps"),
        ("customData: x", "customData: is neither a map nor a list of maps"),
        ("templateData: 5", "templateData: is neither"),
        ("customData: [production]", "customData: an entry of the list is not a map"),
        ("customData:\n- a: [{x: {value: 1}}]\n- a: [{x: {value: 2}}]", "line 4: customData.a: is there twice"),
        ("templateData: [{a: {value: 1}}, {a: {value: 2}}]", "templateData.a: is there twice"),
    ]
    @Test("Values in a form that Flyte does not have are named", arguments: oddForms)
    func oddValues(_ entry: (yaml: String, words: String)) throws {
        let values = entry.yaml.replacing("\n", with: "\n  ")
        let plan = try plan { $0.clusterResources = [text("cluster_resources:\n  \(values)\n")] }
        let gaps = plan.gaps.map { "\($0.place): \($0.message)" }
        #expect(gaps.count == 1 && gaps.first?.contains(entry.words) == true, "\(gaps)")
        #expect(plan.check.outcome == .findings)
    }

    static let broken: [(text: String, words: String)] = [
        ("a: [", "f.yaml, line"), ("clusters:\n  a: 1\n  a: 2", "f.yaml, line 3"), ("x: 1", "no clusters: section"),
        ("clusters:\n  clusterConfigs: {{ .Values.x }}\n", "ConfigMaps flyte-admin-clusters-config"),
    ]
    @Test("A text that can't be read says file and line, and nothing is imported", arguments: broken)
    func brokenTexts(_ entry: (text: String, words: String)) {
        do {
            _ = try plan { $0.clusters = [text(entry.text)] }
            Issue.record("taken")
        } catch {
            #expect("\(error)".contains(entry.words), "\(error)")
        }
    }

    @Test("cluster_resources is taken as the chart renders it, and from Helm's values")
    func clusterResources() throws {
        let rendered = """
            cluster_resources:
              refreshInterval: 5m
              templatePath: /etc/flyte/clusterresource/templates
              customData:
              - production:
                - projectQuotaCpu: {value: "5"}
                - projectQuotaMemory: {value: 1.50}
                - gsa: {valueFrom: {env: GSA}}
              - staging: []
              templateData: {defaultIamRole: {value: "arn:aws:iam::1:role/x"}, project: {value: a}}
            """
        let plan = try plan { $0.clusterResources = [text(rendered)] }
        #expect(
            specs("ClusterRegistry", plan)["flyte"] == [
                "mode": "Observe", "templatesConfigMap": "clusterresource-template",
                "import": [
                    "templateData": ["defaultIamRole": "arn:aws:iam::1:role/x"],
                    "customData": ["production": ["projectQuotaCpu": "5", "projectQuotaMemory": "1.50"]],
                ],
            ])
        #expect(plan.gaps.map(\.place) == ["f.yaml, line 10", "f.yaml, line 8"])
        #expect(plan.gaps[1].message.contains("valuesFrom"))
        let values = """
            cluster_resource_manager:
              config:
                cluster_resources:
                  templateData: {defaultIamRole: {value: "arn:aws:iam::{{ .Values.accountNumber }}:role/x"}}
            """
        let unrendered = try self.plan { $0.clusterResources = [text(values)] }
        #expect(unrendered.gaps[0].message.contains("flyte-clusterresourcesync-config, key cluster_resources.yaml"))
        #expect(unrendered.gaps[0].place == "f.yaml, line 4")
        #expect(specs("ClusterRegistry", unrendered)["flyte"]?["import"] == nil)
    }

    @Test("Domains and the namespace's template come from where the chart has them")
    func domains() throws {
        let more = """
            domains: [{id: development, name: development}, {id: live, name: live}]
            ---
            namespace_mapping: {template: "{{ domain }}"}
            """
        let plan = try plan { $0.clusters = [text(Self.clusters), text(more)] }
        let registry = specs("ClusterRegistry", plan)["flyte"]
        #expect(registry?["domains"] == ["development", "live"] && registry?["namespaceTemplate"] == "{{ domain }}")
    }

    @Test("ConfigMaps as kubectl prints them are read, and merged as flyteadmin merges them")
    func configMaps() throws {
        let list: JSON = [
            "kind": "List",
            "items": [
                [
                    "kind": "ConfigMap", "metadata": ["name": "flyte-admin-clusters-config"],
                    "data": [
                        "clusters.yaml": .string(Self.clusters),
                        "squadron-clusters.yaml":
                            "clusters: {clusterConfigs: [{name: x, inCluster: true, enabled: true}], labelClusterMap: {l: [{id: x, weight: 1}]}}",
                        "other": "no: yaml: at all",
                    ],
                ]
            ],
        ]
        let plan = try plan { $0.clusters = [text(list.serializedString)] }
        #expect(specs("DataPlane", plan).keys.sorted() == ["x"])
        #expect(specs("ExecutionLabel", plan).keys.sorted() == ["l"])
        #expect(plan.gaps.first?.place.contains("ConfigMap flyte-admin-clusters-config, key clusters.yaml") == true)
    }

    static let files = [
        "{project: p, domain: development, value: label1}", "{project: p, value: label2}",
        "{project: p, domain: development, workflow: a.b, value: label3}",
        "{project: p, domain: production, attributes: {projectQuotaCpu: 20, defaultIamRole: 'arn:x'}}",
        "{project: p, attributes: {projectQuotaCpu: '5', zone: a}}",
        "{project: p, defaults: {cpu: '1', memory: 1Gi}, limits: {cpu: 2, accelerators: 1}}",
        "{project: p, domain: production, max_parallelism: 5, security_context: {run_as: {k8s_service_account: demo}}, labels: {values: {a_b: c}}}",
        "{project: p, max_parallelism: 2, interruptible: true}",
        "{project: p, domain: development, tags: [a]}", "{project: q, domain: d, overrides: [{task_type: t}]}",
        "{project: p, domain: development, workflow: w, max_parallelism: 3}",
    ]
    @Test("flytectl's files become assignments and projects, and the rest is named")
    func attributes() throws {
        let plan = try plan { $0.attributes = Self.files.enumerated().map { text($1, "f\($0).yaml") } }
        let labels = specs("ExecutionClusterLabel", plan)
        #expect(labels.keys.sorted() == ["p", "p-development", "p-development-a-b"])
        #expect(labels["p"] == ["project": "p", "value": "label2"])
        let project = try #require(specs("FlyteProject", plan)["p"])
        #expect(project["values"] == nil, "a row of a domain hides the project's: \(project)")
        #expect(
            project["domainValues"] == [
                "development": ["projectQuotaCpu": "5", "zone": "a"], "staging": ["projectQuotaCpu": "5", "zone": "a"],
                "production": ["projectQuotaCpu": "20", "defaultIamRole": "arn:x"],
            ])
        #expect(
            project[path: ["attributes", "*", "taskResources"]] == [
                "defaults": ["cpu": "1", "memory": "1Gi"], "limits": ["cpu": "2"],
            ])
        #expect(project[path: ["attributes", "staging", "executionConfig"]] == ["maxParallelism": 2])
        #expect(
            project[path: ["attributes", "production", "executionConfig"]] == [
                "maxParallelism": 5, "serviceAccount": "demo", "labels": ["a_b": "c"],
            ])
        #expect(specs("ClusterRegistry", plan)["flyte"]?["lockedValues"] == [])
        let gaps = plan.gaps.map { "\($0.place): \($0.message)" }.joined(separator: "\n")
        for words in [
            "f5.yaml, line 1: p: limits.accelerators", "f7.yaml", "an execution queue", "a plugin override",
            "of one workflow",
        ] {
            #expect(gaps.contains(words), "\(words) in \(gaps)")
        }
        #expect(plan.gaps.count == 5, "\(gaps)")
    }

    @Test("A file that flytectl did not write is refused with its name")
    func noAttributes() {
        #expect(throws: ImportFailure.self) { try plan { $0.attributes = [text("a: 1", "x.yaml")] } }
        #expect(throws: ImportFailure.self) { try plan { $0.attributes = [text("", "x.yaml")] } }
    }

    @Test("flyteadmin's rows are read in both spellings, without what is not set")
    func rows() {
        let config = ImportedRow.content(matching: [
            "workflowExecutionConfig": [
                "maxParallelism": 4, "securityContext": ["runAs": ["iamRole": "", "k8sServiceAccount": "x"]],
                "interruptible": .null, "labels": ["values": ["aB": "c"]],
            ]
        ])
        #expect(
            config
                == .executionConfig([
                    "max_parallelism": 4, "security_context": ["run_as": ["k8s_service_account": "x"]],
                    "labels": ["values": ["aB": "c"]],
                ]))
        #expect(
            ImportedRow.content(matching: ["task_resource_attributes": ["defaults": ["cpu": "1", "gpu": ""]]])
                == .taskResources(["defaults": ["cpu": "1"], "limits": [:]]))
        #expect(ImportedRow.content(matching: ["plugin_overrides": [:]]) == .other("a plugin override"))
    }

    @Test("Each of flyteadmin's projects gets an object; the registry keeps its fields")
    func projects() throws {
        let plan = try plan {
            $0.projects = ["one", "Two"]
            $0.domains = ["development", "live"]
            $0.registry = ["mode": "Enforce", "flyteAdmin": ["endpoint": "http://flyteadmin"], "lockedValues": ["x"]]
        }
        #expect(specs("FlyteProject", plan) == ["one": [:]])
        #expect(plan.gaps.count == 1)
        let registry = specs("ClusterRegistry", plan)["flyte"]
        #expect(registry?["mode"] == "Enforce" && registry?["flyteAdmin"] != nil && registry?["lockedValues"] == ["x"])
        #expect(registry?["domains"] == ["development", "live"])
    }

    @Test("Names of objects are made from Flyte's, each once")
    func names() {
        var names = ImportNames()
        #expect(names.objectName("Data_Plane.1", of: "DataPlane") == "data-plane-1")
        #expect(names.objectName("data-plane-1", of: "DataPlane") == "data-plane-1-2")
        #expect(names.objectName("data-plane-1", of: "ExecutionLabel") == "data-plane-1")
        #expect(ImportNames.dnsName("_") == "imported" && ImportNames.dnsName("ü-x_") == "x")
    }

    @Test("check counts what is taken over, in words and in JSON")
    func check() throws {
        let check = try plan { $0.clusters = [text(Self.clusters)] }.check
        #expect(check.json["takenOver"]?["DataPlane"] == 3 && check.json["left"]?.array?.count == 1)
        let page = check.rendered(as: .text)
        #expect(page.contains("1 ClusterRegistry, 3 DataPlane, 4 ExecutionLabel"), "\(page)")
        #expect(page.contains("f.yaml, line 8: label label3"))
    }
}
