import Fleet
import Foundation
import JSON
import KubeObjects
import Support
import Testing
import YAML

@testable import Console

@Suite("squadron doctor")
struct DoctorTests {
    private static let fleet = """
        kind: ClusterRegistry
        metadata: {name: flyte, generation: 1}
        spec:
          templatesConfigMap: clusterresource-template
          flyteAdmin: {endpoint: "http://flyteadmin.flyte.svc"}
          publish: {clustersConfigMap: {}, restart: [{name: flyteadmin}]}
        status: {observedGeneration: 1, conditions: [{type: Ready, status: "True", reason: Ready, message: "", observedGeneration: 1, lastTransitionTime: "2026-05-01T00:00:00Z"}]}
        ---
        kind: DataPlane
        metadata: {name: dp-1, generation: 1}
        spec: {clusterName: dataplane_1, endpoint: "https://dp1"}
        status: {observedGeneration: 1, conditions: [{type: Ready, status: "True", reason: Ready, message: "", observedGeneration: 1, lastTransitionTime: "2026-05-01T00:00:00Z"}]}
        """
    private static let deployment = """
        metadata: {name: flyteadmin}
        spec:
          replicas: 1
          template:
            spec:
              initContainers:
              - {name: run-migrations, command: [flyteadmin, --config, x, migrate, run], volumeMounts: []}
              - name: sync-cluster-resources
                command: [flyteadmin, --config, /etc/flyte/config/*.yaml, clusterresource, sync]
                volumeMounts:
                - {mountPath: /etc/flyte/config, name: clusters-config-volume}
                - {mountPath: /var/run/credentials, name: cluster-secrets}
              containers:
              - name: flyteadmin
                command: [flyteadmin, --config, /etc/flyte/config/*.yaml, serve]
                volumeMounts:
                - {mountPath: /etc/flyte/config, name: clusters-config-volume}
                - {mountPath: /var/run/credentials, name: cluster-secrets}
              volumes:
              - {name: cluster-secrets, secret: {secretName: cluster-credentials}}
              - name: clusters-config-volume
                projected: {sources: [{configMap: {name: flyte-admin-base-config}}, {configMap: {name: flyte-admin-clusters-config}}]}
        status: {availableReplicas: 1}
        """
    private static let published = """
        metadata: {name: flyte-admin-clusters-config, labels: {app.kubernetes.io/managed-by: Helm}}
        data:
          squadron-clusters.yaml: "clusters: {clusterConfigs: [{name: dataplane_1, enabled: true}], labelClusterMap: {label1: [{id: dataplane_1, weight: 1}]}}"
        """

    /// The facts with a data plane that is down.
    private static let dead = fleet.replacing(
        "metadata: {name: dp-1, generation: 1}\nspec: {clusterName: dataplane_1, endpoint: \"https://dp1\"}\nstatus: {observedGeneration: 1, conditions: [",
        with:
            "metadata: {name: dp-1, generation: 1}\nspec: {clusterName: dataplane_1, endpoint: \"https://dp1\"}\nstatus: {observedGeneration: 1, conditions: [{type: Available, status: \"False\", reason: Timeout, message: x, observedGeneration: 1, lastTransitionTime: \"2026-05-01T00:00:00Z\"}, "
    )

    /// A fleet in which all is well.
    private func healthy(_ objects: String = fleet) throws -> DoctorFacts {
        var facts = DoctorFacts(try ConsoleTests.objects(objects), now: now)
        for type in ControlPlaneReader.kinds { facts.definitions[type.kind] = .present(try Self.definition(type)) }
        facts.lease = .present(lease(renewed: now))
        facts.deployments = ["flyteadmin": .present(try YAML.parse(Self.deployment)), "syncresources": .absent]
        facts.configMaps = [
            "flyte-admin-clusters-config": .present(try YAML.parse(Self.published)),
            "clusterresource-template": .present(["metadata": ["name": "clusterresource-template"]]),
        ]
        facts.missingRights = .present([])
        facts.clock = .present(1)
        var answers = DoctorDataPlaneFacts()
        answers.clock = .present(-2)
        answers.propeller = .present(["status": ["availableReplicas": 1]])
        answers.servesFlyteWorkflows = .present(true)
        facts.dataPlanes = ["dp-1": answers]
        facts.flyteAdmin = .answered
        return facts
    }

    private func lease(renewed: Instant) -> Lease {
        Lease(
            metadata: ObjectMeta(name: "squadron"),
            spec: Lease.Spec(holderIdentity: "pod", leaseDurationSeconds: 15, renewTime: MicroTimestamp(renewed)))
    }

    /// A CRD as in `manifests/crds`.
    static func definition(_ type: ResourceType) throws -> JSON {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../manifests/crds")
        return try YAML.parse(String(contentsOf: folder.appending(path: type.plural + ".yaml"), encoding: .utf8))
    }

    private func diagnosis(_ name: String, _ change: (inout DoctorFacts) throws -> Void) throws -> Diagnosis {
        var facts = try healthy()
        try change(&facts)
        return try #require(DoctorCheck.all.first { $0.name == name }).diagnosis(facts)
    }
    /// The one finding.
    private func finding(_ name: String, _ change: (inout DoctorFacts) throws -> Void) throws -> String {
        let diagnosis = try diagnosis(name, change)
        #expect(diagnosis.findings.count == 1, "\(diagnosis)")
        let finding = try #require(diagnosis.findings.first)
        #expect(!finding.action.isEmpty)
        return "\(finding.subject): \(finding.message)"
    }

    @Test("A healthy fleet has no findings, and each check has a name of its own")
    func well() throws {
        let report = DoctorReport(try healthy())
        #expect(report.findings.isEmpty && report.undone == 0, "\(text(report))")
        #expect(report.outcome == .done)
        #expect(Set(DoctorCheck.all.map(\.name)).count == DoctorCheck.all.count)
        #expect(text(report).hasSuffix("20 checks: 0 findings\n"))
    }

    @Test("The fields that the CRD check knows are those of the CRDs")
    func fields() throws {
        for type in ControlPlaneReader.kinds {
            #expect(SpecFields.names(of: type).count > 1)
            #expect(try SpecFields.missing(in: Self.definition(type), of: type) == [], "\(type)")
        }
    }

    @Test("A CRD that is missing, old or of another version is found")
    func definitions() throws {
        #expect(try finding("crds") { $0.definitions["DataPlane"] = .absent }.contains("is not there"))
        let old = try finding("crds") { facts in
            var crd = try Self.definition(.dataPlanes)
            let path = ["spec", "versions"]
            var version = try #require(crd[path: path]?[0])
            let fields = ["schema", "openAPIV3Schema", "properties", "spec", "properties", "mode"]
            version[path: fields] = nil
            crd[path: path] = [version]
            facts.definitions["DataPlane"] = .present(crd)
        }
        #expect(old.contains("lacks fields of this version: mode"))
        #expect(
            try finding("crds") { $0.definitions["DataPlane"] = .present(["spec": ["versions": []]]) }
                .contains("does not serve v1alpha1"))
        #expect(try !diagnosis("crds") { $0.definitions["DataPlane"] = .unreadable("403") }.undone.isEmpty)
    }

    @Test("An operator that does not renew its Lease, or lacks rights, is found")
    func leader() throws {
        #expect(try finding("operator") { $0.lease = .absent }.contains("is not there"))
        let stale = try finding("operator") { $0.lease = .present(lease(renewed: now + -300)) }
        #expect(stale.contains("5m ago"), "\(stale)")
        #expect(
            try finding("operator-rights") { $0.missingRights = .present(["patch configmaps x"]) }
                .contains("may not: patch configmaps x"))
    }

    @Test("Clocks that differ by more than a minute are found, whichever way")
    func clocks() throws {
        #expect(try finding("clocks") { $0.clock = .present(-3600) }.contains("60m behind"))
        #expect(try finding("clocks") { $0.dataPlanes["dp-1"]?.clock = .present(120) }.contains("2m ahead of"))
        #expect(try diagnosis("clocks") { $0.clock = .present(59) }.findings.isEmpty)
    }

    @Test("Without the registry, or with one of another name, that is said")
    func registry() throws {
        #expect(
            try finding("registry") { $0.objects = ControlPlaneObjects(namespace: "flyte") }.contains("is not there"))
        let other = Self.fleet + "\n---\nkind: ClusterRegistry\nmetadata: {name: other}\nspec: {}"
        #expect(try finding("registry") { $0.objects = try objects(other) }.contains("is ignored"))
        #expect(
            try finding("templates") { $0.configMaps["clusterresource-template"] = .absent }.contains(
                "templatesConfigMap"))
    }

    @Test("An object that is not Ready is named with its reason and what to do")
    func conditions() throws {
        let broken = Self.fleet.replacing(
            "status: \"True\", reason: Ready, message: \"\", observedGeneration: 1, lastTransitionTime: \"2026-05-01T00:00:00Z\"}]}\n---",
            with:
                "status: \"False\", reason: LabelsNotReady, message: label1, observedGeneration: 1, lastTransitionTime: \"2026-05-01T00:00:00Z\"}]}\n---"
        )
        #expect(
            try finding("conditions") { $0.objects = try objects(broken) }
                == "ClusterRegistry flyte: LabelsNotReady: label1")
        let stale = Self.fleet.replacing("{name: dp-1, generation: 1}", with: "{name: dp-1, generation: 2}")
        #expect(try finding("conditions") { $0.objects = try objects(stale) }.contains("older version"))
        let disabled = stale.replacing("endpoint: \"https://dp1\"", with: "endpoint: \"https://dp1\", enabled: false")
        #expect(try diagnosis("conditions") { $0.objects = try objects(disabled) }.findings.isEmpty)
        #expect(try !diagnosis("conditions") { $0.unlisted["DataPlane"] = "404" }.undone.isEmpty)
    }

    @Test("What to do is known for each reason by its name in the runbook")
    func advice() throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/runbook.md")
        let runbook = try String(contentsOf: path, encoding: .utf8)
        for reason in ReasonAdvice.texts.keys where reason != "NoStatus" {
            #expect(runbook.contains("`\(reason)`"), "\(reason)")
        }
        #expect(ReasonAdvice.text("Novel").contains("docs/runbook.md"))
    }

    @Test("Two DataPlanes with one endpoint, and what flyteadmin can't reach, are found")
    func endpoints() throws {
        let twice = Self.fleet + "\n---\nkind: DataPlane\nmetadata: {name: dp-2}\nspec: {endpoint: \"https://DP1/\"}"
        #expect(try finding("endpoints") { $0.objects = try objects(twice) }.contains("dp-1, dp-2"))
        let same = Self.fleet + "\n---\nkind: DataPlane\nmetadata: {name: dataplane_1}\nspec: {endpoint: \"https://b\"}"
        #expect(try finding("endpoints") { $0.objects = try objects(same) }.contains("same clusterName dataplane_1"))
        let proxied = Self.fleet.replacing(
            "endpoint: \"https://dp1\"", with: "endpoint: \"https://dp1\", connection: {proxyURL: \"http://p:1\"}")
        #expect(try finding("endpoints") { $0.objects = try objects(proxied) }.contains("proxyURL"))
    }

    @Test("A credential that expires soon is found, except one that is renewed")
    func expiry() throws {
        func ending(_ more: String) -> String {
            Self.fleet.replacing(
                "spec: {clusterName: dataplane_1, endpoint: \"https://dp1\"}\nstatus: {",
                with: "spec: {clusterName: dataplane_1, endpoint: \"https://dp1\"}\nstatus: {\(more), ")
        }
        let token = "tokenExpirationTime: \"2026-06-03T12:00:00Z\""
        #expect(try finding("expiry") { $0.objects = try objects(ending(token)) }.contains("its token ends in 2d"))
        let renewed = token + ", tokenRenewalTime: \"2026-06-02T12:00:00Z\""
        #expect(try diagnosis("expiry") { $0.objects = try objects(ending(renewed)) }.findings.isEmpty)
        let ca = "caExpirationTime: \"2026-05-31T12:00:00Z\""
        #expect(try finding("expiry") { $0.objects = try objects(ending(ca)) }.contains("24h ago"))
    }

    @Test("A data plane without propeller is found; one that can't be reached is not done")
    func propeller() throws {
        #expect(
            try finding("propeller") { $0.dataPlanes["dp-1"]?.propeller = .absent }.contains(
                "no Deployment flytepropeller in namespace flyte"))
        #expect(
            try finding("propeller") { $0.dataPlanes["dp-1"]?.servesFlyteWorkflows = .present(false) }.contains(
                "flyteworkflows"))
        let forbidden = try diagnosis("propeller") { $0.dataPlanes["dp-1"]?.propeller = .unreadable("403") }
        #expect(forbidden.undone.isEmpty && forbidden.skipped?.contains("spec.flyteHealth.enabled") == true)
        let away = try diagnosis("reach") { $0.dataPlanes["dp-1"]?.unreachable = "no route" }
        #expect(away.undone == ["DataPlane dp-1, from here: no route"])
        let dead = try finding("reach") {
            $0.objects = try objects(Self.dead)
            $0.dataPlanes["dp-1"]?.unreachable = "no route"
        }
        #expect(dead.contains("(Timeout) and can't be reached from here: no route"))
        var facts = try healthy()
        facts.dataPlanes["dp-1"]?.unreachable = "no route"
        facts.lease = .absent
        #expect(DoctorReport(facts).outcome == .failed, "a failure goes before findings")
    }

    @Test("What flyteadmin says is explained, and what only a cluster resolves is not done")
    func flyteAdmin() throws {
        let audience = try finding("flyteadmin") { $0.flyteAdmin = .failed("401: invalid audience [a], wanted [b]") }
        #expect(audience.contains("invalid audience"))
        #expect(try finding("flyteadmin") { $0.flyteAdmin = .notAllowed("no label") }.contains("no label"))
        #expect(try !diagnosis("flyteadmin") { $0.flyteAdmin = .failed("no such host") }.undone.isEmpty)
        let moved = try finding("flyteadmin") {
            let text = PublishedRows(endpoint: "http://old").text
            $0.configMaps[PublishedRows.configMapName] = .present(["data": [PublishedRows.dataKey: .string(text)]])
        }
        #expect(moved.contains("http://old"))
    }

    @Test("Each mount that flyteadmin lacks is found, by container")
    func mounts() throws {
        func broken(_ old: String, _ new: String) throws -> String {
            try finding("flyteadmin-mounts") {
                let text = Self.deployment.replacing(old, with: new)
                #expect(text != Self.deployment)
                $0.deployments["flyteadmin"] = .present(try YAML.parse(text))
            }
        }
        let mount = "- {mountPath: /var/run/credentials, name: cluster-secrets}\n      volumes"
        #expect(
            try broken(mount, "- {mountPath: /elsewhere, name: cluster-secrets}\n      volumes")
                .contains("container flyteadmin: does not have the Secret cluster-credentials"))
        #expect(
            try broken("- {mountPath: /var/run/credentials, name: cluster-secrets}\n      containers", "containers")
                .contains("container sync-cluster-resources"))
        let both = try diagnosis("flyteadmin-mounts") {
            let text = Self.deployment.replacing("name: flyte-admin-clusters-config", with: "name: other")
            $0.deployments["flyteadmin"] = .present(try YAML.parse(text))
        }
        #expect(both.findings.count == 2 && both.findings[0].message.contains("squadron-clusters.yaml"))
        #expect(
            try diagnosis("flyteadmin-mounts") {
                $0.deployments["flyteadmin"] = .present(
                    try YAML.parse(
                        Self.deployment.replacing(
                            "{configMap: {name: flyte-admin-clusters-config}}",
                            with:
                                "{configMap: {name: flyte-admin-clusters-config, items: [{key: clusters.yaml, path: x}]}}"
                        )))
            }.findings.count == 2)
        #expect(
            try finding("flyteadmin-deployment") { $0.deployments["flyteadmin"] = .absent }.contains("publish.restart"))
    }

    @Test("An init container that would fail is found before anybody restarts flyteadmin")
    func initContainer() throws {
        let found = try finding("init-container") { $0.objects = try objects(Self.dead) }
        #expect(found.contains("sync-cluster-resources fails while dataplane_1"), "\(found)")
    }

    @Test("Keys that override ours, and labels that only Helm's key has, are found")
    func clustersConfiguration() throws {
        func with(_ key: String, _ text: String) throws -> String {
            try finding("clusters-config") {
                var map = try YAML.parse(Self.published)
                map[path: ["data", key]] = .string(text)
                $0.configMaps["flyte-admin-clusters-config"] = .present(map)
            }
        }
        let clusters = "clusters: {labelClusterMap: {old: [{id: dataplane_1, weight: 1}]}}"
        #expect(try with("clusters.yaml", clusters).contains("the label old is in the key clusters.yaml alone"))
        #expect(try with("z.yaml", "clusters: {defaultExecutionLabel: x}").contains("z.yaml come after"))
        #expect(try with("squadron-clusters.yaml", "x: 1").contains("does not hold a clusters configuration"))
        #expect(
            try finding("clusters-config") { $0.configMaps["flyte-admin-clusters-config"] = .absent }.contains(
                "is not there yet"))
    }

    @Test("Helm's key in our hands, and a key that we left, are found")
    func helm() throws {
        func owned(_ key: String) throws -> String {
            try finding("helm") {
                var map = try YAML.parse(Self.published)
                map[path: ["data", key]] = "clusters: {}"
                map[path: ["metadata", "managedFields"]] = [
                    ["manager": "squadron", "fieldsV1": ["f:data": [("f:" + key): [:]]]]
                ]
                $0.configMaps["flyte-admin-clusters-config"] = .present(map)
            }
        }
        #expect(try owned("clusters.yaml").contains("the next upgrade by Helm 4 fails"))
        #expect(try owned("older.yaml").contains("the key older.yaml is left over"))
    }

    @Test("syncresources beside an Enforce is found, beside an Observe it is not")
    func syncResources() throws {
        func running(_ facts: inout DoctorFacts) {
            facts.deployments["syncresources"] = .present(["spec": ["replicas": 1]])
        }
        #expect(try finding("syncresources") { running(&$0) }.contains("still runs"))
        let observing = try diagnosis("syncresources") {
            running(&$0)
            let text = Self.fleet.replacing("spec:\n  templates", with: "spec:\n  mode: Observe\n  templates")
            $0.objects = try objects(text)
        }
        #expect(observing.findings.isEmpty && observing.skipped != nil)
        #expect(
            try diagnosis("syncresources") { $0.deployments["syncresources"] = .present(["spec": ["replicas": 0]]) }
                .findings.isEmpty)
    }

    @Test("What an upgrade would cut off is found beforehand")
    func upgrade() throws {
        let shared =
            Self.fleet + """

                ---
                kind: DataPlane
                metadata: {name: dp-2}
                spec: {endpoint: "https://dp2", credentials: {tokenKey: dp-2_token, caCertKey: dataplane_1_cacert}}
                """
        #expect(try finding("upgrade") { $0.objects = try objects(shared) }.contains("share a CA"))
        let project =
            Self.fleet + """

                ---
                kind: FlyteProject
                metadata: {name: p}
                spec: {project: p, domains: [live], values: {gsa: x}, valuesFrom: [{name: a, secretKeyRef: {name: s, key: k}}]}
                ---
                kind: ExecutionClusterLabel
                metadata: {name: e}
                spec: {project: p, domain: other, value: label1}
                """
        let found = try diagnosis("upgrade") { $0.objects = try objects(project) }.findings.map(\.message)
        #expect(found.count == 3, "\(found)")
        let secrets = try finding("secrets") {
            $0.objects = try objects(project)
            $0.secrets["s"] = .present(SecretContent([:]))
        }
        #expect(secrets.contains("valuesFrom a") && secrets.contains("multicluster.flyte.org/use: values"))
    }

    @Test("A Secret with keys of two clusters, or without the host, is found")
    func secrets() throws {
        func content(_ entries: [String], hosts: String? = nil) -> SecretContent {
            SecretContent(
                Dictionary(entries.map { ($0, Sensitive(Array("x".utf8))) }) { first, _ in first },
                annotations: hosts.map { ["multicluster.flyte.org/hosts.dataplane_1": $0] } ?? [:])
        }
        let pair = Self.fleet.replacing(
            "endpoint: \"https://dp1\"", with: "endpoint: \"https://dp1\", credentials: {caCertKey: other_cacert}")
        let mismatch = try finding("secrets") {
            $0.objects = try objects(pair)
            $0.secrets["cluster-credentials"] = .present(content(["dataplane_1_token", "other_cacert", "more"]))
        }
        #expect(mismatch.contains("KeysMismatch"), "\(mismatch)")
        let host = try finding("secrets") {
            $0.secrets["cluster-credentials"] = .present(
                content(["dataplane_1_token", "dataplane_1_cacert"], hosts: "elsewhere"))
        }
        #expect(host.contains("HostNotAllowed"), "\(host)")
        let copied = try finding("secrets") {
            $0.objects = try objects(
                "kind: ClusterRegistry\nmetadata: {name: flyte}\nspec: {replicateSecrets: [{name: pull}]}")
            $0.secrets["pull"] = .present(SecretContent([:]))
        }
        #expect(copied.contains("replicateSecrets: Secret pull does not have the label"), "\(copied)")
        #expect(try !diagnosis("secrets") { $0.secrets["cluster-credentials"] = .unreadable("403") }.undone.isEmpty)
    }

    @Test("A check that can't read its objects does not say that all is well")
    func unread() throws {
        let map = try diagnosis("helm") { $0.configMaps["flyte-admin-clusters-config"] = .unreadable("403") }
        #expect(map.undone == ["ConfigMap flyte-admin-clusters-config: 403"])
        let deployment = try diagnosis("init-container") { $0.deployments["flyteadmin"] = .unreadable("403") }
        #expect(deployment.undone == ["Deployment flyteadmin: 403"])
        let away = try diagnosis("propeller") { $0.dataPlanes["dp-1"]?.unreachable = "no route" }
        #expect(away.undone == ["DataPlane dp-1: no route"])
        let dead = try diagnosis("propeller") {
            $0.objects = try objects(Self.dead)
            $0.dataPlanes["dp-1"]?.unreachable = "no route"
        }
        #expect(dead.undone.isEmpty && dead.skipped == "dp-1 can't be reached")
        var facts = DoctorFacts(ControlPlaneObjects(namespace: "flyte"), now: now)
        for type in ControlPlaneReader.kinds { facts.unlisted[type.kind] = "403" }
        for entry in DoctorReport(facts).entries where !entry.check.kinds.isEmpty {
            #expect(!entry.diagnosis.undone.isEmpty, "\(entry.check.name)")
        }
    }

    @Test("The JSON has each check with its outcome, and each finding with what to do")
    func json() throws {
        var facts = try healthy()
        facts.lease = .absent
        let report = DoctorReport(facts)
        #expect(report.outcome == .findings && report.json["findings"] == 1)
        let check = report.json["checks"]?.array?.first { $0["name"] == "operator" }
        #expect(check?["outcome"] == "findings" && check?["findings"]?[0]?["action"]?.string?.isEmpty == false)
        let page = text(report)
        #expect(page.contains("FOUND  operator") && page.contains("         → kubectl"), "\(page)")
    }

    @Test("A Role's rule is asked right by right, by name where it names any")
    func questions() {
        let rule: JSON = [
            "apiGroups": [""], "resources": ["configmaps", "a/status"], "verbs": ["get", "create"],
            "resourceNames": ["x", "y"],
        ]
        let texts = OperatorQuestion.all(rule, namespace: "flyte").map(\.text)
        #expect(
            texts == [
                "get configmaps x", "get configmaps y", "create configmaps x", "create configmaps y", "get a/status x",
                "get a/status y", "create a/status x", "create a/status y",
            ])
        let review = OperatorQuestion.all(rule, namespace: "flyte")[4].review
        #expect(review[path: ["spec", "resourceAttributes", "subresource"]] == "status")
        #expect(review[path: ["spec", "user"]] == "system:serviceaccount:flyte:squadron")
    }
}
