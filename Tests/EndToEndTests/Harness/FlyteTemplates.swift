import DevCluster
import JSON
import TestSupport

/// What the flyte-core chart has in its ConfigMap of templates, in short.
enum FlyteTemplates {
    static let quota = FlyteCoreTemplates.quota
    static let account = FlyteCoreTemplates.account
    static func configMap(_ files: [String: String]) -> JSON {
        [
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": ["name": "clusterresource-template", "namespace": "flyte"],
            "data": .object(files.mapValues { .string($0) }),
        ]
    }
    static let files = ["aab_default_service_account.yaml": account, "ab_project_resource_quota.yaml": quota]
    static let registry: JSON = [
        "values": ["projectQuotaMemory": "4Gi", "defaultIamRole": "arn:aws:iam::1:role/flyte"],
        "import": ["customData": [["development": [["projectQuotaCpu": ["value": "5"]]]]]],
    ]

    /// What `manifests/data-plane` does not grant.
    static let rights = grant(["apiGroups": [""], "resources": ["resourcequotas"], "verbs": readAndWrite])
    static let allRights = grant(["apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]])
    private static let readAndWrite: JSON = ["get", "list", "watch", "create", "patch"]

    /// A rule for the operator's account in a data plane.
    static func grant(_ rule: JSON) -> [JSON] {
        let api: JSON = "rbac.authorization.k8s.io/v1"
        let role: JSON = ["name": "squadron-templates"]
        return [
            ["apiVersion": api, "kind": "ClusterRole", "metadata": role, "rules": [rule]],
            [
                "apiVersion": api, "kind": "ClusterRoleBinding", "metadata": role,
                "roleRef": [
                    "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "squadron-templates",
                ],
                "subjects": [["kind": "ServiceAccount", "name": "squadron", "namespace": "flyte"]],
            ],
        ]
    }
}

extension TestFleet {
    /// Templates, a registry that names them, rights for them in the first data plane, and a project-domain of each of
    /// those names.
    func applyTemplates(
        _ files: [String: String] = FlyteTemplates.files, registry: JSON = FlyteTemplates.registry,
        rights: [JSON] = FlyteTemplates.rights, projects: [String] = ["project1"]
    ) async throws {
        try await self[1].admin.apply(rights)
        try await admin.apply(FlyteTemplates.configMap(files))
        var registry = registry
        registry["templatesConfigMap"] = "clusterresource-template"
        try await applyBasics(registry)
        for project in projects { try await admin.apply(assignment(project, "development")) }
    }
}
