import DevCluster
import JSON
import Testing

@testable import Operator

extension EndToEnd.Syncing {
    @Suite("Templates")
    struct Templates {
        func hard(_ fleet: TestFleet<DevCluster>, _ name: String = "project1-development") async throws -> JSON? {
            try await fleet[1].admin.get("ResourceQuota", "project-quota", in: name)?[path: ["spec", "hard"]]
        }

        @Test("Flyte's ConfigMap renders with layered values: one write each, none on a restart")
        func rendered() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyTemplates()
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    #expect(try await hard(fleet) == ["limits.cpu": "5", "limits.memory": "4Gi"])
                    #expect(try await fleet.annotation(1, "project1-development") == "arn:aws:iam::1:role/flyte")
                    let kinds: Set = ["namespaces", "serviceaccounts", "resourcequotas"]
                    #expect(fleet[1].requestLog.writes(to: kinds) == 3)
                    let registry = try await fleet.conditions("ClusterRegistry", "flyte")
                    #expect(registry["TemplatesValid"]?.reason == "Valid")
                }
                fleet[1].requestLog.reset()
                try await fleet.operating { squadron in
                    try await eventually("the operator has looked at everything") {
                        squadron.metricsText.contains(#"squadron_namespaces_synced{dataplane="dataplane-1"} 1"#)
                    }
                    #expect(fleet[1].requestLog.writes(to: ["namespaces", "serviceaccounts", "resourcequotas"]) == 0)
                }
            }
        }

        @Test(
            "A template change is followed; a broken one leaves the last good one in force"
        )
        func followed() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyTemplates()
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    var files = FlyteTemplates.files
                    files["ab_project_resource_quota.yaml"] = FlyteTemplates.quota.replacing(
                        "\n    limits.memory: {{ projectQuotaMemory }}", with: "")
                    try await fleet.admin.apply(FlyteTemplates.configMap(files))
                    try await eventually("the field that was taken away is given up") {
                        try await hard(fleet) == ["limits.cpu": "5"]
                    }
                    files["ac_broken.yaml"] = "apiVersion: v1\nkind: [\n"
                    try await fleet.admin.apply(FlyteTemplates.configMap(files))
                    let invalid = try await fleet.reports(
                        "ClusterRegistry", "flyte", "TemplatesValid", "TemplateInvalid")
                    #expect(invalid.message.contains("ac_broken.yaml, line"))
                    try await fleet.admin.apply(assignment("project2", "development"))
                    try await eventually("the last good templates are in force") {
                        try await hard(fleet, "project2-development") == ["limits.cpu": "5"]
                    }
                    try await fleet.admin.delete("ConfigMap", "clusterresource-template")
                    try await fleet.reports("ClusterRegistry", "flyte", "TemplatesValid", "ConfigMapNotFound")
                    try await fleet.admin.apply(assignment("project3", "development"))
                    try await eventually("they still are") {
                        try await hard(fleet, "project3-development") == ["limits.cpu": "5"]
                    }
                }
            }
        }

        @Test("Drift beyond metadata is put back; what another manager took is reported")
        func drift() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyTemplates()
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    let (server, name) = (fleet[1].admin, "project1-development")
                    try await server.merge(
                        "ResourceQuota", "project-quota", in: name, ["spec": ["hard": ["limits.memory": nil]]])
                    try await eventually("the limit is back") {
                        try await hard(fleet) == ["limits.cpu": "5", "limits.memory": "4Gi"]
                    }
                    try await server.delete("ResourceQuota", "project-quota", in: name)
                    try await eventually("the quota is back") { try await hard(fleet) != nil }
                    try await server.merge(
                        "ResourceQuota", "project-quota", in: name, ["spec": ["hard": ["limits.cpu": "99"]]])
                    let conflict = try await fleet.reports(1, "Synced", "Conflict")
                    #expect(conflict.message.contains("limits.cpu") && conflict.message.contains("kubectl"))
                    try await fleet.admin.merge("ClusterRegistry", "flyte", ["spec": ["conflictPolicy": "Force"]])
                    try await fleet.settles(1)
                    #expect(try await hard(fleet) == ["limits.cpu": "5", "limits.memory": "4Gi"])
                }
            }
        }

        @Test("A kind that the token may not list holds back only its own objects")
        func forbiddenKind() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyTemplates(rights: [])
                try await fleet.operating { _ in
                    let missing = try await fleet.reports(1, "Authorized", "PermissionsMissing")
                    #expect(missing.message.contains("resourcequotas"))
                    try await eventually("the ServiceAccount is there all the same") {
                        try await fleet.annotation(1, "project1-development") == "arn:aws:iam::1:role/flyte"
                    }
                    try await fleet[1].admin.apply(FlyteTemplates.rights)
                    try await fleet.settles(1)
                    #expect(try await hard(fleet) == ["limits.cpu": "5", "limits.memory": "4Gi"])
                }
            }
        }

        @Test(
            "A value from a ConfigMap or Secret is read live; a missing one is named")
        func valuesFrom() async throws {
            try await withFleet(of: 1) { fleet in
                let role: JSON = ["name": "template-values", "key": "role"]
                try await fleet.applySecret("template-values", use: "values")
                let team: JSON = ["name": "clusterresource-template", "key": "team"]
                try await fleet.applyTemplates(
                    [
                        "aab_default_service_account.yaml": FlyteTemplates.account + "\n    team: {{ team }}",
                        "team": "blue",
                    ],
                    registry: [
                        "valuesFrom": [
                            ["name": "defaultIamRole", "secretKeyRef": role],
                            ["name": "team", "configMapKeyRef": team],
                        ]
                    ])
                try await fleet.operating { _ in
                    let failed = try await fleet.reports(1, "Synced", "SyncFailed")
                    #expect(failed.message.contains("PlaceholderUnresolved") && failed.message.contains("no key role"))
                    #expect(try await fleet.annotation(1, "project1-development") == nil)
                    // The second one ends with a line break, as from a file.
                    for role in ["cm9sZS1h", "cm9sZS1iCg=="] {
                        try await fleet.admin.merge("Secret", "template-values", ["data": ["role": .string(role)]])
                        try await eventually("the role is there") {
                            try await fleet.annotation(1, "project1-development")
                                == (role == "cm9sZS1h" ? "role-a" : "role-b")
                        }
                    }
                    #expect(try await fleet.annotation(1, "project1-development", "team") == "blue")
                    try await fleet.admin.merge("ConfigMap", "clusterresource-template", ["data": ["team": "red"]])
                    try await eventually("the ConfigMap's new value is there") {
                        try await fleet.annotation(1, "project1-development", "team") == "red"
                    }
                    try await fleet.settles(1)
                    // What a source holds is the same, what it is called is not.
                    func names(_ name: String) -> JSON {
                        [
                            "spec": [
                                "valuesFrom": [
                                    ["name": "defaultIamRole", "secretKeyRef": role],
                                    ["name": .string(name), "configMapKeyRef": team],
                                ]
                            ]
                        ]
                    }
                    try await fleet.admin.merge("ClusterRegistry", "flyte", names("teem"))
                    let unnamed = try await fleet.reports(1, "Synced", "SyncFailed")
                    #expect(unnamed.message.contains("team"))
                    try await fleet.admin.merge("ClusterRegistry", "flyte", names("team"))
                    try await fleet.settles(1)
                    // A webhook repeats the value that it refuses.
                    fleet[1].faults.add(
                        .refusal(403, reason: "Forbidden", message: "the webhook denied role-of-a-secret"),
                        match: .init(verbs: ["patch"], resources: ["serviceaccounts"]))
                    try await fleet.admin.merge(
                        "Secret", "template-values", ["data": ["role": "cm9sZS1vZi1hLXNlY3JldA=="]])
                    let repeated = try await fleet.reports(1, "Synced", "SyncFailed")
                    #expect(repeated.message.contains("denied <redacted>"), "\(repeated.message)")
                    #expect(!fleet.log.lines.contains { $0.contains("role-of-a-secret") })
                }
            }
        }

        @Test("A template's custom resource waits for its kind and is applied once it is served")
        func customKind() async throws {
            try await withFleet(of: 1) { fleet in
                let extra = """
                    apiVersion: multicluster.flyte.org/v1alpha1
                    kind: FlyteProject
                    metadata: {name: "{{ project }}"}
                    spec: {project: "{{ project }}"}
                    """
                try await fleet[1].admin.apply(Manifests.documents("crds/flyteprojects.yaml"))
                try await fleet.applyTemplates(["a.yaml": extra], registry: [:], rights: FlyteTemplates.allRights)
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    let inner = try await fleet[1].admin.get("FlyteProject", "project1", in: "project1-development")
                    #expect(inner?[path: ["spec", "project"]] == "project1")
                }
            }
        }

        @Test("With syncScope Labelled a namespace is only where its label can send executions")
        func labelled() async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.applyBasics(["syncScope": "Labelled"])
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in
                    try await fleet.settles(1, 1)
                    try await fleet.settles(2, 0)
                    #expect(try await fleet[2].admin.get("Namespace", "project1-development") == nil)
                    let ready = try await fleet.reports(
                        "ExecutionClusterLabel", "project1-development", "NamespaceSynced", "InSync")
                    #expect(ready.message.contains("1 of 1"))
                    try await fleet.admin.merge(
                        "ExecutionLabel", "label1",
                        [
                            "spec": [
                                "clusters": [
                                    ["name": "dataplane_1", "weight": 0.5], ["name": "dataplane_2", "weight": 0.5],
                                ]
                            ]
                        ])
                    try await fleet.settles(2, 1)
                }
            }
        }

        @Test("Project-domains share one namespace if they agree; else the older one wins")
        func shared() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics([
                    "namespaceTemplate": "{{ domain }}",
                    "workloadIdentity": ["aws": ["roleARN": "arn:aws:iam::1:role/{{ role }}"]],
                    "values": ["role": "common"],
                ])
                func project(_ name: String, _ values: JSON) -> JSON {
                    resource(
                        "FlyteProject", name, ["project": .string(name), "domains": ["production"], "values": values])
                }
                try await fleet.admin.apply(project("first", [:]))
                try await fleet.admin.apply(project("second", [:]))
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    for name in ["first", "second"] {
                        try await fleet.reports("FlyteProject", name, "NamespaceSynced", "InSync")
                    }
                    try await fleet.admin.apply(project("second", ["role": "own"]))
                    for name in ["first", "second"] {
                        let failed = try await fleet.reports("FlyteProject", name, "NamespaceSynced", "SyncFailed")
                        #expect(failed.message.contains("serviceaccounts/default"))
                    }
                    #expect(try await fleet.annotation(1, "production") == "arn:aws:iam::1:role/common")
                }
            }
        }
    }
}
