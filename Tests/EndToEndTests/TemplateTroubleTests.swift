import DevCluster
import JSON
import Testing

@testable import Operator

extension EndToEnd.Faults {
    @Suite("Templates that can't all be applied")
    struct TemplateTroubles {
        /// Objects of every kind that Flyte's users have in them, in an order that would not do.
        private static let kinds = """
            apiVersion: rbac.authorization.k8s.io/v1
            kind: RoleBinding
            metadata: {name: workers, namespace: {{ namespace }}}
            roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: workers}
            subjects: [{kind: ServiceAccount, name: default, namespace: {{ namespace }}}]
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: Role
            metadata: {name: workers, namespace: {{ namespace }}}
            rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
            ---
            apiVersion: v1
            kind: ServiceAccount
            metadata: {name: default, namespace: {{ namespace }}, annotations: {project: "{{ project }}"}}
            imagePullSecrets: [{name: pull}]
            ---
            apiVersion: v1
            kind: Secret
            metadata: {name: pull, namespace: {{ namespace }}}
            stringData: {user: "{{ project }}"}
            ---
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: settings, namespace: {{ namespace }}}
            data: {domain: "{{ domain }}"}
            ---
            apiVersion: networking.k8s.io/v1
            kind: NetworkPolicy
            metadata: {name: deny, namespace: {{ namespace }}}
            spec: {podSelector: {}, policyTypes: [Ingress]}
            ---
            apiVersion: v1
            kind: LimitRange
            metadata: {name: limits, namespace: {{ namespace }}}
            spec: {limits: [{type: Container, default: {cpu: 1}}]}
            ---
            apiVersion: v1
            kind: Namespace
            metadata: {name: {{ namespace }}}
            """

        private static let troubles = """
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: wrong-type, namespace: {{ namespace }}}
            data: {number: 5}
            ---
            apiVersion: v1
            kind: ResourceQuota
            metadata: {name: no-amount, namespace: {{ namespace }}}
            spec: {hard: {limits.cpu: "{{ amount }}"}}
            ---
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: Bad_Name, namespace: {{ namespace }}}
            ---
            apiVersion: example.com/v1
            kind: Widget
            metadata: {name: w, namespace: {{ namespace }}}
            ---
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: elsewhere, namespace: kube-system}
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRole
            metadata: {name: wide}
            rules: []
            """

        @Test("Each object that can't be applied has its own reason; everything else is there")
        func reasons() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyTemplates(
                    ["a.yaml": Self.kinds, "b.yaml": Self.troubles], registry: ["values": ["amount": "many"]],
                    rights: FlyteTemplates.allRights)
                try await fleet.operating { _ in
                    let found = try await eventually(
                        "all six are told",
                        seen: {
                            try await failures(fleet)
                        }, until: { $0.count == 6 })
                    #expect(
                        found == [
                            "configmaps/wrong-type": "Invalid", "resourcequotas/no-amount": "Invalid",
                            "configmaps/Bad_Name": "Invalid",
                            "b.yaml, line 15: Widget (example.com/v1) w": "KindNotServed",
                            "b.yaml, line 19: ConfigMap (v1) elsewhere": "TemplateInvalid",
                            "b.yaml, line 23: ClusterRole (rbac.authorization.k8s.io/v1) wide": "TemplateInvalid",
                        ])
                    for failure in try await fleet.failures(1) {
                        let next =
                            switch failure["reason"] {
                            case "TemplateInvalid": "; next try when templates or values change"
                            default: "; next try within "
                            }
                        #expect(failure["message"]?.string?.contains(next) == true, "\(failure)")
                    }
                    #expect(try await fleet.conditions("DataPlane", "dataplane-1")["Reachable"]?.status == "True")
                    var versions: [Int64] = []
                    for (kind, name) in [
                        ("Namespace", "project1-development"), ("LimitRange", "limits"), ("NetworkPolicy", "deny"),
                        ("Secret", "pull"), ("ConfigMap", "settings"), ("Role", "workers"), ("RoleBinding", "workers"),
                    ] {
                        let object = try await fleet[1].admin.get(kind, name, in: "project1-development")
                        let text = try #require(object?[path: ["metadata", "resourceVersion"]]?.string, "\(kind)")
                        versions.append(try #require(Int64(text)))
                    }
                    #expect(versions[0] == versions.min() && versions[1] < versions[3], "the namespace, then limits")
                    #expect(versions[3] < versions[5] && versions[5] < versions[6], "\(versions)")
                    // What waits for a person is not tried all the time.
                    fleet[1].requestLog.reset()
                    try await throughout(.seconds(2), "no storm") {
                        fleet[1].requestLog.count(verb: "patch", userAgent: "squadron") <= 3
                    }
                    try await fleet.admin.apply(FlyteTemplates.configMap(["a.yaml": Self.kinds]))
                    try await fleet.admin.merge("ConfigMap", "clusterresource-template", ["data": ["b.yaml": nil]])
                    try await fleet.settles(1)
                }
            }
        }

        @Test(
            "A file that is broken at a start keeps back its own objects alone"
        )
        func brokenAtStart() async throws {
            try await withFleet(of: 1) { fleet in
                var files = FlyteTemplates.files
                files["ab_project_resource_quota.yaml"] = "apiVersion: v1\nkind: [\n"
                files["notes.txt"] = "nothing"
                try await fleet.applyTemplates(files)
                try await fleet.operating { _ in
                    try await eventually("the account is there") {
                        try await fleet.annotation(1, "project1-development") == "arn:aws:iam::1:role/flyte"
                    }
                    let invalid = try await fleet.reports(
                        "ClusterRegistry", "flyte", "TemplatesValid", "TemplateInvalid")
                    #expect(invalid.message.contains("ab_project_resource_quota.yaml, line"), "\(invalid)")
                    #expect(invalid.message.contains("notes.txt"), "\(invalid)")
                    try await fleet.settles(1)
                    try await fleet.admin.apply(FlyteTemplates.configMap(FlyteTemplates.files))
                    try await eventually("the quota is there") {
                        try await fleet[1].admin.get("ResourceQuota", "project-quota", in: "project1-development")
                            != nil
                    }
                    try await fleet.reports("ClusterRegistry", "flyte", "TemplatesValid", "Valid")
                }
            }
        }

        @Test("A domain without a value has everything but the object that needs the value")
        func domainWithoutValue() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyTemplates()
                try await fleet.admin.apply(assignment("project1", "staging"))
                try await fleet.operating { _ in
                    try await eventually("the account is there") {
                        try await fleet.annotation(1, "project1-staging") == "arn:aws:iam::1:role/flyte"
                    }
                    try await fleet.reports(1, "Synced", "SyncFailed")
                    let failure = try #require(try await fleet.failures(1).first)
                    #expect(failure["namespace"] == "project1-staging")
                    #expect(failure["reason"] == "PlaceholderUnresolved")
                    #expect(failure["object"]?.string?.contains("project-quota") == true, "\(failure)")
                    #expect(failure["message"]?.string?.contains("{{ projectQuotaCpu }}") == true, "\(failure)")
                    let quota = try await fleet[1].admin.get("ResourceQuota", "project-quota", in: "project1-staging")
                    #expect(quota == nil)
                    #expect(try await fleet.failures(1).count == 1)
                }
            }
        }

        @Test("An object that a broken webhook refuses leaves its data plane open for others")
        func webhook() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyTemplates()
                fleet[1].faults.add(
                    .status(500), match: .init(verbs: ["patch"], resources: ["resourcequotas"]))
                try await fleet.operating { squadron in
                    try await eventually("it was tried a few times") {
                        try await fleet.failures(1).first?["attempts"]?.int ?? 0 >= 3
                    }
                    for number in 0..<5 { try await fleet.admin.apply(assignment("p\(number)", "development")) }
                    for number in 0..<5 {
                        try await eventually("p\(number) has its account") {
                            try await fleet.annotation(1, "p\(number)-development") == "arn:aws:iam::1:role/flyte"
                        }
                    }
                    try await throughout(.seconds(2), "it is reachable") {
                        try await fleet.conditions("DataPlane", "dataplane-1")["Reachable"]?.status == "True"
                    }
                    #expect(fleet[1].requestLog.count(verb: "patch", userAgent: "squadron") < 100)
                    fleet[1].faults.removeAll()
                    try await fleet.settles(6)
                }
            }
        }

        private func failures(_ fleet: TestFleet<DevCluster>) async throws -> [String: String] {
            let entries = try await fleet.failures(1).map { ($0["object"]?.string ?? "", $0["reason"]?.string ?? "") }
            return Dictionary(entries, uniquingKeysWith: { first, _ in first })
        }
    }
}
