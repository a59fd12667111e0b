import DevCluster
import JSON
import Testing

@testable import Operator

extension EndToEnd.Syncing {
    @Suite("The registry's values and rules")
    struct RegistryRules {
        private static let role = "arn:aws:iam::1:role/flyte"

        private func chart(_ quota: String) -> JSON {
            let text = """
                cluster_resources:
                  refreshInterval: 5m
                  customData:
                  - development:
                    - projectQuotaCpu: {value: "\(quota)"}
                """
            return [
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": ["name": "flyte-clusterresourcesync-config", "namespace": "flyte"],
                "data": ["cluster_resources.yaml": .string(text)],
            ]
        }

        @Test("The chart's rendered values are read live, and the last good ones stay")
        func importFrom() async throws {
            try await withFleet(of: 1) { fleet in
                let source: JSON = ["name": "flyte-clusterresourcesync-config", "key": "cluster_resources.yaml"]
                try await fleet.applyTemplates(registry: [
                    "values": ["projectQuotaMemory": "4Gi", "defaultIamRole": .string(Self.role)], "importFrom": source,
                ])
                func cpu() async throws -> JSON? {
                    try await fleet[1].admin.get("ResourceQuota", "project-quota", in: "project1-development")?[
                        path: ["spec", "hard", "limits.cpu"]]
                }
                try await fleet.operating { _ in
                    try await fleet.reports("ClusterRegistry", "flyte", "TemplatesValid", "ConfigMapNotFound")
                    #expect(try await fleet[1].admin.get("Namespace", "project1-development") == nil)
                    try await fleet.admin.apply(chart("5"))
                    try await fleet.settles(1)
                    #expect(try await cpu() == "5")
                    try await fleet.admin.apply(chart("{{ .Values.quota }}"))
                    let invalid = try await fleet.reports(
                        "ClusterRegistry", "flyte", "TemplatesValid", "ValuesInvalid")
                    #expect(invalid.message.contains("projectQuotaCpu"), "\(invalid)")
                    try await fleet.settles(1)
                    #expect(try await cpu() == "5")
                    try await fleet.admin.apply(chart("6"))
                    try await eventually("the new value is there") { try await cpu() == "6" }
                    try await fleet.admin.merge(
                        "ClusterRegistry", "flyte",
                        ["spec": ["import": ["customData": ["development": ["projectQuotaCpu": "7"]]]]])
                    try await eventually("what is pasted wins") { try await cpu() == "7" }
                    try await fleet.reports("ClusterRegistry", "flyte", "TemplatesValid", "Valid")
                }
            }
        }

        @Test("A value that Helm has not rendered is refused, and keeps back what needs it")
        func unrendered() async throws {
            try await withFleet(of: 1) { fleet in
                let role = "arn:aws:iam::{{ .Values.userSettings.accountNumber }}:role/x"
                try await fleet.applyTemplates(registry: [
                    "values": ["projectQuotaMemory": "4Gi", "projectQuotaCpu": "5"],
                    "import": [
                        "refreshInterval": "5m", "templateData": [["defaultIamRole": ["value": .string(role)]]],
                    ],
                ])
                try await fleet.operating { _ in
                    let invalid = try await fleet.reports(
                        "ClusterRegistry", "flyte", "TemplatesValid", "ValuesInvalid")
                    #expect(invalid.message.contains("spec.import.templateData.defaultIamRole"), "\(invalid)")
                    #expect(invalid.message.contains("flyte-clusterresourcesync-config"), "\(invalid)")
                    try await eventually("the quota is there") {
                        try await fleet[1].admin.get("ResourceQuota", "project-quota", in: "project1-development")
                            != nil
                    }
                    #expect(try await fleet.annotation(1, "project1-development") == nil)
                    try await fleet.admin.merge(
                        "ClusterRegistry", "flyte",
                        ["spec": ["import": ["templateData": ["defaultIamRole": .string(Self.role)]]]])
                    try await fleet.settles(1)
                    #expect(try await fleet.annotation(1, "project1-development") == Self.role)
                }
            }
        }

        @Test("With a registry that can't be used at a start, everything says so")
        func brokenAtStart() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyTemplates()
                let spec: JSON = ["import": ["customData": [["production": "x"]]]]
                await #expect(throws: (any Error).self) {
                    try await fleet.admin.apply(resource("ClusterRegistry", "flyte", spec))
                }
                var object = try #require(try await fleet.admin.get("ClusterRegistry", "flyte"))
                object["spec"] = spec
                object[path: ["metadata", "generation"]] = 9
                fleet.controlPlane.store.put(
                    GroupResource("clusterregistries", group: "multicluster.flyte.org"), object)
                try await fleet.operating { _ in
                    let synced = try await fleet.reports(1, "Synced", "SyncFailed")
                    #expect(synced.message.contains("ClusterRegistry flyte, spec.import"), "\(synced)")
                    try await fleet.reports(1, "Ready", "SyncFailed")
                    let assigned = try await fleet.reports(
                        "ExecutionClusterLabel", "project1-development", "Ready", "Invalid")
                    #expect(assigned.message.contains("ClusterRegistry flyte, spec.import"), "\(assigned)")
                    #expect(try await fleet[1].admin.get("Namespace", "project1-development") == nil)
                }
            }
        }

        @Test("Unknown domains, reserved names and locked values affect their object alone")
        func names() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics([
                    "workloadIdentity": ["aws": ["roleARN": "{{ defaultIamRole }}"]],
                    "values": ["defaultIamRole": .string(Self.role)], "reservedNamespaces": ["cert-*"],
                    "domains": ["development", "manager"],
                ])
                await #expect(throws: (any Error).self, "its name is another") {
                    try await fleet.admin.apply(resource("FlyteProject", "a", ["project": "b"]))
                }
                try await fleet.admin.apply([
                    resource("FlyteProject", "cert", ["domains": ["manager"]]),
                    resource("FlyteProject", "team", ["project": "team", "domains": ["development", "elsewhere"]]),
                    resource(
                        "FlyteProject", "greedy",
                        ["domains": ["development"], "values": ["defaultIamRole": "arn:aws:iam::1:role/admin"]]),
                    assignment("istio", "system"),
                ])
                try await fleet.operating { _ in
                    try await fleet.settles(2)
                    try await fleet.reports("FlyteProject", "cert", "NamespaceSynced", "InvalidName")
                    try await fleet.reports("FlyteProject", "team", "NamespaceSynced", "UnknownDomain")
                    try await fleet.reports("ExecutionClusterLabel", "istio-system", "NamespaceSynced", "UnknownDomain")
                    try await fleet.reports("FlyteProject", "greedy", "NamespaceSynced", "InSync")
                    let locked = try await fleet.reports("FlyteProject", "greedy", "Ready", "ValueLocked")
                    #expect(locked.message.contains("defaultIamRole"), "\(locked)")
                    #expect(try await fleet.annotation(1, "greedy-development") == Self.role)
                    #expect(try await fleet[1].admin.get("Namespace", "team-development") != nil)
                }
            }
        }
    }
}
