import DevCluster
import Foundation
import JSON
import Testing
import YAML

extension EndToEnd {
    @Suite("squadron diff")
    struct Diff {
        private typealias Fleet = TestFleet<DevCluster>

        /// Its exit code, its standard output as JSON, and all of its output.
        private func diff(
            _ documents: [JSON], _ fleet: Fleet
        ) async throws -> (status: Int32, json: JSON, output: String) {
            let folder = try TemporaryFolder()
            let path = folder.url.appending(path: "kubeconfig")
            try Data(try fleet.controlPlane.kubeconfig().utf8).write(to: path)
            var arguments = ["diff", "-o", "json", "--kubeconfig", path.path]
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

        @Test("Wrong usage and a broken file end with 2")
        func usage() async throws {
            try await withFleet(of: 1) { fleet in
                let broken = try await diff([["apiVersion": "v1", "kind": "ConfigMap", "metadata": [:]]], fleet)
                #expect(broken.status == 2 && broken.output.contains("fleet.yaml"), "\(broken.output)")
            }
        }
    }
}
