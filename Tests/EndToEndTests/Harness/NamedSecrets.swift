import JSON

extension TestFleet {
    /// A Secret that the operator's account may read.
    ///
    /// - Parameters:
    ///   - use: its label; nil for none.
    ///   - hosts: its annotation; nil for none.
    func applySecret(_ name: String, use: String?, hosts: String? = nil, _ entries: [String: String] = [:]) async throws
    {
        let labels: [String: JSON] = use.map { ["multicluster.flyte.org/use": .string($0)] } ?? [:]
        let annotations: [String: JSON] = hosts.map { ["multicluster.flyte.org/hosts": .string($0)] } ?? [:]
        try await admin.apply([
            "apiVersion": "v1", "kind": "Secret",
            "metadata": [
                "name": .string(name), "namespace": "flyte", "labels": .object(labels),
                "annotations": .object(annotations),
            ],
            "stringData": .object(entries.mapValues { .string($0) }),
        ])
        try await admin.apply([
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": ["name": .string("squadron-\(name)"), "namespace": "flyte"],
            "rules": [
                [
                    "apiGroups": [""], "resources": ["secrets"], "resourceNames": [.string(name)],
                    "verbs": ["get", "list", "watch"],
                ]
            ],
        ])
        try await admin.apply([
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": ["name": .string("squadron-\(name)"), "namespace": "flyte"],
            "roleRef": [
                "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": .string("squadron-\(name)"),
            ],
            "subjects": [["kind": "ServiceAccount", "name": "squadron", "namespace": "flyte"]],
        ])
    }
}
