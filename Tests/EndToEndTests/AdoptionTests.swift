import DevCluster
import JSON
import Testing

extension EndToEnd.Syncing {
    @Suite("Adoption")
    struct Adoption {
        private static let name = "project1-development"
        private static let namespace = """
            {apiVersion: v1, kind: Namespace, metadata: {name: {{ namespace }}}, spec: {finalizers: [kubernetes]}}
            """
        private static let quota = FlyteTemplates.quota
        private static let written: Set<String> = ["namespaces", "serviceaccounts", "resourcequotas"]

        @Test("Flyte's objects are adopted by one write each; later changes cause no conflict")
        func flyte() async throws {
            try await withFleet(of: 1) { fleet in
                let server = fleet[1].admin
                let files = FlyteTemplates.files.merging(["aa_namespace.yaml": Self.namespace]) { $1 }
                let values = [
                    "projectQuotaCpu": "5", "projectQuotaMemory": "4Gi", "defaultIamRole": "arn:aws:iam::1:role/flyte",
                ]
                try await SyncResources(server: server).run(files, values.merging(["namespace": Self.name]) { $1 })
                let account = try await server.get("ServiceAccount", "default", in: Self.name)
                #expect(account?[path: ["metadata", "managedFields"]] == nil, "as Flyte leaves it")
                try await fleet.applyTemplates(
                    files, registry: ["values": .object(values.mapValues { .string($0) })])
                fleet[1].requestLog.reset()
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    #expect(fleet[1].requestLog.writes(to: Self.written) == 3, "one write for each object")
                    let lines = fleet.log.lines.filter { $0.hasPrefix("info write dataplane=dataplane-1 ") }
                    #expect(lines.count { $0.contains(" reason=Adopted ") } == 3, "\(lines)")
                    let adopted = try await server.get("Namespace", Self.name)
                    #expect(
                        adopted?[path: ["metadata", "annotations", "multicluster.flyte.org/adopted-from"]] == "flyte")
                    // Somebody else's field.
                    try await server.merge(
                        "ResourceQuota", "project-quota", in: Self.name, ["spec": ["hard": ["pods": "7"]]])

                    try await fleet.admin.merge(
                        "ClusterRegistry", "flyte",
                        ["spec": ["values": ["projectQuotaCpu": "6", "defaultIamRole": "arn:aws:iam::1:role/new"]]])
                    try await hard(fleet, is: ["limits.cpu": "6", "limits.memory": "4Gi", "pods": "7"])
                    try await eventually("the role is the new one") {
                        try await fleet.annotation(1, Self.name) == "arn:aws:iam::1:role/new"
                    }
                    try await fleet.settles(1)

                    let short = Self.quota.replacing("\n    limits.memory: {{ projectQuotaMemory }}", with: "")
                    let bare = FlyteTemplates.account.replacing(
                        "eks.amazonaws.com/role-arn", with: "other.example.com/role")
                    try await fleet.admin.merge(
                        "ConfigMap", "clusterresource-template",
                        [
                            "data": [
                                "ab_project_resource_quota.yaml": .string(short),
                                "aab_default_service_account.yaml": .string(bare),
                            ]
                        ])
                    try await hard(fleet, is: ["limits.cpu": "6", "pods": "7"])
                    try await eventually("the annotation has left with its template") {
                        try await fleet.annotation(1, Self.name) == nil
                    }
                    #expect(
                        try await fleet.annotation(1, Self.name, "other.example.com/role") == "arn:aws:iam::1:role/new")
                    try await fleet.settles(1)
                    #expect(try await fleet.failures(1).isEmpty)
                }
            }
        }

        private func hard(_ fleet: TestFleet<DevCluster>, is wanted: JSON) async throws {
            try await eventually("the quota is \(wanted)") {
                try await fleet[1].admin.get("ResourceQuota", "project-quota", in: Self.name)?[path: ["spec", "hard"]]
                    ?? .null
            } until: {
                $0 == wanted
            }
        }

        @Test("A namespace that Flyte did not make is left alone until its label says otherwise")
        func notAdopted() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                try await fleet[1].admin.apply(
                    [
                        "apiVersion": "v1", "kind": "Namespace",
                        "metadata": ["name": .string(Self.name), "labels": ["team": "a"]],
                    ], as: "helm")
                try await fleet.admin.apply([assignment("project1", "development"), assignment("b", "staging")])
                fleet[1].requestLog.reset()
                try await fleet.operating { _ in
                    let message = try await fleet.reports(1, "Synced", "Conflict").message
                    #expect(message.contains("NamespaceNotAdopted") && message.contains("helm"), "\(message)")
                    #expect(try await fleet.annotation(1, "b-staging") == fleet.role)
                    #expect(fleet[1].requestLog.writes(to: Self.written) == 2, "only in the other one")
                    try await fleet[1].admin.merge(
                        "Namespace", Self.name, ["metadata": ["labels": ["multicluster.flyte.org/adopt": "true"]]])
                    try await fleet.settles(2)
                    #expect(try await fleet.annotation(1, Self.name) == fleet.role)
                }
            }
        }

        @Test("What Helm labelled keeps its label, and Helm's next upgrade passes", arguments: ["Report", "Force"])
        func helm(policy: String) async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics([
                    "workloadIdentity": ["aws": ["roleARN": .string(fleet.role)]], "conflictPolicy": .string(policy),
                    "adoptionPolicy": "All",
                ])
                func metadata(_ name: String) -> JSON {
                    [
                        "name": .string(name), "labels": ["app.kubernetes.io/managed-by": "Helm"],
                        "annotations": ["meta.helm.sh/release-name": "team"],
                    ]
                }
                let namespace: JSON = ["apiVersion": "v1", "kind": "Namespace", "metadata": metadata(Self.name)]
                var account: JSON = ["apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata("default")]
                account[path: ["metadata", "namespace"]] = .string(Self.name)
                for object in [namespace, account] { try await fleet[1].admin.apply(object, as: "helm") }
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    #expect(try await fleet.annotation(1, Self.name) == fleet.role)
                    for object in [namespace, account] { try await upgrade(fleet, object) }
                    // It is watched all the same.
                    try await fleet[1].admin.merge(
                        "ServiceAccount", "default", in: Self.name,
                        ["metadata": ["annotations": ["eks.amazonaws.com/role-arn": nil]]])
                    try await eventually("the annotation is back") {
                        try await fleet.annotation(1, Self.name) == fleet.role
                    }
                    try await fleet.settles(1)
                    let now = try await fleet[1].admin.get("ServiceAccount", "default", in: Self.name)
                    #expect(now?[path: ["metadata", "labels", "app.kubernetes.io/managed-by"]] == "Helm")
                    #expect(now?[path: ["metadata", "labels", "multicluster.flyte.org/project"]] == "project1")
                }
            }
        }

        /// Applies like Helm 4: without force.
        private func upgrade(_ fleet: TestFleet<DevCluster>, _ object: JSON) async throws {
            let kind = try Kinds.named(object["kind"]?.string ?? "")
            _ = try await fleet[1].admin.client.apply(
                object, type: kind, namespace: kind.isNamespaced ? Self.name : nil,
                name: object[path: ["metadata", "name"]]?.string ?? "", fieldManager: "helm", force: false)
        }
    }
}
