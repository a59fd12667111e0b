import JSON

/// The roles and bindings that every cluster starts with.
///
/// `cluster-admin` and the `system:` ones are as kube-apiserver 1.36 makes them; `view`, `edit` and `admin` keep its rules for
/// the groups that are served here (aggregation is not run: they are complete from the start).
enum BootstrapRoles {
    static func install(in store: ObjectStore) {
        for (name, rules) in clusterRoles {
            store.put(.clusterRoles, object("ClusterRole", name, ["rules": .array(rules)]))
        }
        for (name, groups) in bindings {
            store.put(
                .clusterRoleBindings,
                object(
                    "ClusterRoleBinding", name,
                    [
                        "roleRef": [
                            "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": .string(name),
                        ],
                        "subjects": .array(
                            groups.map {
                                ["apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": .string($0)]
                            }),
                    ]))
        }
    }

    private static func object(_ kind: String, _ name: String, _ fields: JSON) -> JSON {
        var object = fields
        object["apiVersion"] = "rbac.authorization.k8s.io/v1"
        object["kind"] = .string(kind)
        object["metadata"] = [
            "name": .string(name), "labels": ["kubernetes.io/bootstrapping": "rbac-defaults"],
            "annotations": ["rbac.authorization.kubernetes.io/autoupdate": "true"],
        ]
        return object
    }

    private static let bindings: [(String, [String])] = [
        ("cluster-admin", ["system:masters"]),
        ("system:basic-user", ["system:authenticated"]),
        ("system:discovery", ["system:authenticated"]),
        ("system:public-info-viewer", ["system:authenticated", "system:unauthenticated"]),
        ("system:service-account-issuer-discovery", ["system:serviceaccounts"]),
    ]

    private static let clusterRoles: [(String, [JSON])] = [
        (
            "cluster-admin",
            [
                ["apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]],
                ["nonResourceURLs": ["*"], "verbs": ["*"]],
            ]
        ),
        (
            "system:discovery",
            [
                urls([
                    "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz",
                    "/version", "/version/",
                ])
            ]
        ),
        (
            "system:basic-user",
            [
                rule("authorization.k8s.io", ["selfsubjectaccessreviews", "selfsubjectrulesreviews"], ["create"]),
                rule("authentication.k8s.io", ["selfsubjectreviews"], ["create"]),
            ]
        ),
        ("system:public-info-viewer", [urls(["/healthz", "/livez", "/readyz", "/version", "/version/"])]),
        (
            "system:service-account-issuer-discovery",
            [
                urls([
                    "/.well-known/openid-configuration", "/.well-known/openid-configuration/", "/openid/v1/jwks",
                    "/openid/v1/jwks/",
                ])
            ]
        ),
        ("view", viewing),
        ("edit", editing + viewing),
        ("admin", administering + editing + viewing),
    ]

    private static let read: [JSON] = ["get", "list", "watch"]
    private static let write: [JSON] = ["create", "delete", "deletecollection", "patch", "update"]

    private static let viewing: [JSON] = [
        rule("", ["configmaps", "endpoints", "persistentvolumeclaims", "pods", "serviceaccounts", "services"], read),
        rule("", ["limitranges", "namespaces/status", "pods/log", "pods/status", "resourcequotas"], read),
        rule("", ["namespaces"], read),
        ["apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": .array(read)],
        rule("apps", ["deployments", "deployments/scale", "deployments/status", "replicasets", "statefulsets"], read),
        rule("batch", ["cronjobs", "cronjobs/status", "jobs", "jobs/status"], read),
        rule("networking.k8s.io", ["ingresses", "networkpolicies"], read),
        rule("policy", ["poddisruptionbudgets"], read),
    ]

    private static let editing: [JSON] = [
        rule("", ["secrets"], read),
        rule("", ["serviceaccounts"], ["impersonate"]),
        rule(
            "", ["configmaps", "persistentvolumeclaims", "pods", "secrets", "serviceaccounts", "services"], write),
        rule("", ["serviceaccounts/token"], ["create"]),
        ["apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": .array(write)],
        rule("apps", ["deployments", "deployments/scale", "replicasets", "statefulsets"], write),
        rule("batch", ["cronjobs", "jobs"], write),
        rule("coordination.k8s.io", ["leases"], write + read),
        rule("networking.k8s.io", ["ingresses", "networkpolicies"], write),
        rule("policy", ["poddisruptionbudgets"], write),
    ]

    private static let administering: [JSON] = [
        rule("authorization.k8s.io", ["localsubjectaccessreviews"], ["create"]),
        rule("rbac.authorization.k8s.io", ["rolebindings", "roles"], write + read),
    ]

    private static func rule(_ group: String, _ resources: [String], _ verbs: [JSON]) -> JSON {
        [
            "apiGroups": .array([.string(group)]), "resources": .array(resources.map { .string($0) }),
            "verbs": .array(verbs),
        ]
    }

    private static func urls(_ paths: [String]) -> JSON {
        ["nonResourceURLs": .array(paths.map { .string($0) }), "verbs": ["get"]]
    }
}
