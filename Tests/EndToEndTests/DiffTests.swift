import DevCluster
import Foundation
import JSON
import Testing
import YAML

extension EndToEnd.Commands {
    @Suite("squadron diff")
    struct Diff {
        private typealias Fleet = TestFleet<DevCluster>

        /// Its exit code, its standard output as JSON, and all of its output.
        private func diff(
            _ documents: [JSON], _ fleet: Fleet, format: String = "json"
        ) async throws -> (status: Int32, json: JSON, output: String) {
            let folder = try TemporaryFolder()
            let path = folder.url.appending(path: "kubeconfig")
            try Data(try fleet.controlPlane.kubeconfig().utf8).write(to: path)
            var arguments = ["diff", "-o", format, "--kubeconfig", path.path]
            if !documents.isEmpty {
                let file = folder.url.appending(path: "fleet.yaml")
                try Data(YAML.emit(documents: documents).utf8).write(to: file)
                arguments += ["-f", file.path]
            }
            let process = try SquadronProcess(arguments, folder: folder)
            try await process.ends()
            // Progress goes before it, line by line.
            let lines = process.output.split(separator: "\n", omittingEmptySubsequences: false)
            let start = lines.firstIndex { $0.hasPrefix("{") } ?? lines.endIndex
            let end = lines.lastIndex { $0.hasPrefix("}") } ?? lines.startIndex
            let text = start <= end ? lines[start...end].joined(separator: "\n") : "null"
            return (process.status, (try? JSON(parsing: text)) ?? .null, process.output)
        }

        private func counts(_ json: JSON) -> [String: JSON] {
            let planes = json["dataPlanes"]?.array ?? []
            return Dictionary(planes.map { ($0["name"]?.string ?? "", $0["plan"] ?? .null) }) { $1 }
        }

        private static let written: Set<String> = ["namespaces", "serviceaccounts", "resourcequotas", "configmaps"]

        @Test("diff says in every data plane what then comes true, and writes nothing itself")
        func comesTrue() async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet[2].admin.apply(FlyteTemplates.rights)
                try await fleet.applyTemplates(projects: ["a", "b"])
                try await fleet.operating { _ in try await fleet.settles(2) }
                let nothing = try await diff([], fleet)
                #expect(nothing.status == 0, "\(nothing.output)")

                // In the second, somebody else has the quota's CPU.
                var theirs: JSON = [
                    "apiVersion": "v1", "kind": "ResourceQuota",
                    "metadata": ["name": "project-quota", "namespace": "b-development"],
                ]
                theirs["spec"] = ["hard": ["limits.cpu": "5"]]
                try await fleet[2].admin.apply(theirs, as: "terraform")
                var registry = FlyteTemplates.registry
                registry["templatesConfigMap"] = "clusterresource-template"
                registry["import"] = ["customData": [["development": [["projectQuotaCpu": ["value": "7"]]]]]]
                let change = [resource("ClusterRegistry", "flyte", registry), assignment("c", "development")]
                for number in [1, 2] { fleet[number].requestLog.reset() }
                let found = try await diff(change, fleet)
                #expect(found.status == 3, "\(found.output)")
                let expected = counts(found.json)
                #expect(expected["dataplane-1"] == ["create": 3, "change": 2, "delete": 0, "conflict": 0])
                #expect(expected["dataplane-2"] == ["create": 3, "change": 1, "delete": 0, "conflict": 1])
                let changes = found.json["changes"]?.array ?? []
                let quota = changes.first {
                    $0["action"] == "change" && $0["objects"]?[0] == "a-development/resourcequotas/project-quota"
                }
                #expect(quota?["dataPlanes"] == ["dataplane-1", "dataplane-2"], "\(changes)")
                #expect(quota?["diff"]?.string?.contains("-    limits.cpu: \"5\"\n+    limits.cpu: \"7\"\n") == true)
                let conflict = changes.first { $0["action"] == "conflict" }
                #expect(conflict?["conflicts"] == [["field": ".spec.hard.limits.cpu", "manager": "terraform"]])
                #expect(conflict?["dataPlanes"] == ["dataplane-2"])
                #expect(changes.count { $0["action"] == "create" && $0["dataPlanes"]?.array?.count == 2 } == 3)
                #expect(try await fleet[1].admin.get("Namespace", "c-development") == nil)
                let stored = try await fleet[1].admin.get("ResourceQuota", "project-quota", in: "a-development")
                #expect(stored?[path: ["spec", "hard", "limits.cpu"]] == "5")

                try await fleet.admin.apply(change)
                for number in [1, 2] { fleet[number].requestLog.reset() }
                try await fleet.operating { _ in
                    try await fleet.settles(1, 3)
                    try await fleet.reports(2, "Synced", "Conflict")
                    try await eventually("the third namespace is there") {
                        try await fleet[2].admin.get("ResourceQuota", "project-quota", in: "c-development") != nil
                    }
                }
                for number in [1, 2] {
                    let log = fleet[number].requestLog
                    let done = [200, 201].map { log.count(verb: "patch", userAgent: "squadron", status: $0) }
                    let plan = try #require(expected["dataplane-\(number)"])
                    let total = (plan["create"]?.int ?? 0) + (plan["change"]?.int ?? 0)
                    #expect(Int64(done[0] + done[1]) == total, "dataplane-\(number): \(done)")
                }
                let after = try await diff([], fleet)
                #expect(counts(after.json)["dataplane-1"] == ["create": 0, "change": 0, "delete": 0, "conflict": 0])
                #expect(counts(after.json)["dataplane-2"] == ["create": 0, "change": 0, "delete": 0, "conflict": 1])
            }
        }

        @Test("diff names what can't be looked into, and shows nothing that came from a Secret")
        func secretsAndOutages() async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.applySecret("v", use: "values", ["role": "arn:secret-role-1"])
                var registry: JSON = [
                    "workloadIdentity": ["aws": ["roleARN": "{{ role }}"]],
                    "valuesFrom": [["name": "role", "secretKeyRef": ["name": "v", "key": "role"]]],
                ]
                try await fleet.applyBasics(registry)
                try await fleet.admin.apply(assignment("a", "development"))
                try await fleet.operating { _ in try await fleet.settles(1) }
                try await fleet.admin.merge(
                    "Secret", "v", ["data": ["role": .string(Data("arn:secret-role-2".utf8).base64EncodedString())]])
                registry["defaultExecutionLabel"] = "label1"
                let away = fleet.dataPlane(2, ["endpoint": "https://127.0.0.1:1"])
                let found = try await diff([resource("ClusterRegistry", "flyte", registry), away], fleet)
                #expect(found.status == 1, "\(found.output)")
                #expect(found.json["unreachable"]?[0]?["name"] == "dataplane-2")
                #expect(counts(found.json)["dataplane-1"] == ["create": 0, "change": 1, "delete": 0, "conflict": 0])
                #expect(found.output.contains("<redacted> (another one)"), "\(found.output)")
                #expect(!found.output.contains("secret-role"))
            }
        }

        @Test("Of a data plane in Observe diff says what its own plan says")
        func observed() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyTemplates(projects: ["a"])
                try await fleet.admin.merge("DataPlane", "dataplane-1", ["spec": ["mode": "Observe"]])
                let plan = try await fleet.operating { _ in
                    try await fleet.plans(1) { $0["create"] == 3 }
                }
                let found = try await diff([], fleet)
                #expect(found.status == 3)
                for field in ["create", "change", "delete", "conflict"] {
                    #expect(counts(found.json)["dataplane-1"]?[field] == plan[field])
                }
                #expect(found.json["dataPlanes"]?[0]?["mode"] == "Observe")
            }
        }

        @Test("In Observe diff asks flyteadmin for its projects, since the operator notes none")
        func projectsOfFlyteAdmin() async throws {
            try await withFlyteAdmin(more: ["projectDiscovery": true]) { fleet, flyteAdmin in
                try await fleet.admin.merge("ClusterRegistry", "flyte", ["spec": ["mode": "Observe"]])
                let plan = try await fleet.operating { _ in
                    // Two projects of flyteadmin's with three domains each.
                    try await fleet.plans(1) { $0["create"] == 6 }
                }
                #expect(counts(try await diff([], fleet).json)["dataplane-1"]?["create"] == plan["create"])
                await flyteAdmin.stop()
                let unknown = try await diff([], fleet)
                #expect(unknown.output.contains("flyteadmin can't be asked from here"))
            }
        }

        @Test("For Flyte's objects diff shows what the takeover changes, and no conflicts")
        func takenOver() async throws {
            try await withFleet(of: 1) { fleet in
                let server = fleet[1].admin
                let namespace = """
                    {apiVersion: v1, kind: Namespace, metadata: {name: {{ namespace }}}, spec: {finalizers: [kubernetes]}}
                    """
                let files = FlyteTemplates.files.merging(["aa_namespace.yaml": namespace]) { $1 }
                var values = [
                    "projectQuotaCpu": "5", "projectQuotaMemory": "4Gi", "defaultIamRole": "arn:aws:iam::1:role/flyte",
                ]
                let name = "project1-development"
                try await SyncResources(server: server).run(files, values.merging(["namespace": name]) { $1 })
                // Squadron wants another CPU at once.
                values["projectQuotaCpu"] = "6"
                try await fleet.applyTemplates(
                    files, registry: ["values": .object(values.mapValues { .string($0) })])
                let first = try await diff([], fleet)
                #expect(first.status == 3, "\(first.output)")
                #expect(counts(first.json)["dataplane-1"] == ["create": 0, "change": 3, "delete": 0, "conflict": 0])
                #expect(first.output.contains(#"-    limits.cpu: \"5\"\n+    limits.cpu: \"6\""#), "\(first.output)")
                try await fleet.operating { _ in try await fleet.settles(1) }
                #expect(try await diff([], fleet).status == 0)

                // A field that leaves the template goes, although Flyte owns it as well by now.
                let short = FlyteTemplates.quota.replacing("\n    limits.memory: {{ projectQuotaMemory }}", with: "")
                var templates = files.mapValues { JSON.string($0) }
                templates["ab_project_resource_quota.yaml"] = .string(short)
                let change: JSON = [
                    "apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": ["name": "clusterresource-template", "namespace": "flyte"], "data": .object(templates),
                ]
                let second = try await diff([change], fleet)
                #expect(counts(second.json)["dataplane-1"] == ["create": 0, "change": 1, "delete": 0, "conflict": 0])
                #expect(second.output.contains(#"-    limits.memory: \"4Gi\""#), "\(second.output)")
                try await fleet.admin.apply(change)
                try await fleet.operating { _ in
                    try await eventually("the field has gone") {
                        let quota = try await server.get("ResourceQuota", "project-quota", in: name)
                        return quota?[path: ["spec", "hard"]] == ["limits.cpu": "6"]
                    }
                    try await fleet.settles(1)
                }
            }
        }

        @Test("For a Federated data plane diff makes the token with the caller's rights")
        func federated() async throws {
            try await withFleet(of: 2) { fleet in
                fleet[1].trust(issuerOf: fleet.controlPlane, audience: "dataplane_1", usernamePrefix: "control-plane:")
                try await fleet[1].admin.apply([
                    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                    "metadata": ["name": "federated"],
                    "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "squadron"],
                    "subjects": [
                        [
                            "kind": "User", "name": "control-plane:system:serviceaccount:flyte:squadron",
                            "apiGroup": "rbac.authorization.k8s.io",
                        ]
                    ],
                ])
                let noTokens: JSON = ["data": ["dataplane_1_token": nil, "dataplane_2_token": nil]]
                try await fleet.admin.merge("Secret", "cluster-credentials", noTokens)
                try await fleet.applyBasics()
                try await fleet.admin.apply(fleet.dataPlane(1, ["credentials": ["provider": "Federated"]]))
                let cloud: JSON = ["provider": "AWS", "aws": ["clusterName": "c"], "caCert": "System"]
                let endpoint: JSON = "https://abc.gr7.eu-west-1.eks.amazonaws.com"
                try await fleet.admin.apply(fleet.dataPlane(2, ["endpoint": endpoint, "credentials": cloud]))
                try await fleet.admin.apply(assignment("project1", "development"))
                let found = try await diff([], fleet)
                #expect(found.status == 1, "\(found.output)")
                #expect(counts(found.json)["dataplane-1"] == ["create": 2, "change": 0, "delete": 0, "conflict": 0])
                let away = found.json["unreachable"]?[0]
                #expect(away?["name"] == "dataplane-2", "\(found.output)")
                let why = away?["message"]?.string ?? ""
                #expect(why.contains("AWS_") && why.contains("exec -i deployment/squadron -- squadron"), "\(why)")
                // The control plane's own audience is asked for by nobody.
                let own: JSON = ["provider": "Federated", "federated": ["audience": "https://kubernetes.default.svc"]]
                let annotation = ["multicluster.flyte.org/audiences": "https://kubernetes.default.svc"]
                let audiences: JSON = ["metadata": ["annotations": .object(annotation.mapValues { .string($0) })]]
                try await fleet.admin.merge("Secret", "cluster-credentials", audiences)
                let refused = try await diff([fleet.dataPlane(1, ["credentials": own])], fleet)
                let message = refused.json["unreachable"]?[0]?["message"]?.string
                #expect(message?.contains("is the control plane's own audience") == true, "\(refused.output)")
            }
        }

        @Test("A namespace that is not adopted is left alone, and keeps its fields")
        func notAdopted() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                try await fleet[1].admin.apply(
                    [
                        "apiVersion": "v1", "kind": "Namespace",
                        "metadata": ["name": "a-development", "labels": ["x": "y"]],
                    ],
                    as: "helm")
                try await fleet.admin.apply(assignment("a", "development"))
                let found = try await diff([], fleet)
                #expect(counts(found.json)["dataplane-1"] == ["create": 0, "change": 0, "delete": 0, "conflict": 1])
                let change = found.json["changes"]?[0]
                #expect(
                    change?["diff"]?.string?.contains("# left alone: NamespaceNotAdopted") == true, "\(found.output)")
                #expect(change?["conflicts"]?[0]?["manager"] == "helm")
                let text = try await diff([], fleet, format: "text").output
                #expect(text.contains("made by helm, and is not adopted") && !text.contains("owned by helm"), "\(text)")
            }
        }

        @Test("Wrong usage and a broken file end with 2")
        func usage() async throws {
            try await withFleet(of: 1) { fleet in
                let broken = try await diff([["apiVersion": "v1", "kind": "ConfigMap", "metadata": [:]]], fleet)
                #expect(broken.status == 2 && broken.output.contains("fleet.yaml"), "\(broken.output)")
            }
        }
    }
}
