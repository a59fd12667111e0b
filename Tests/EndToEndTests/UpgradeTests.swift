import DevCluster
import JSON
import Testing

extension EndToEnd.Syncing {
    /// Objects as version 0.1 stored and applied them, field by field; the hash is the one that 0.1 computed.
    @Suite("Upgrade")
    struct Upgrade {
        private static let name = "project1-development"
        private static let labels: JSON = [
            "app.kubernetes.io/managed-by": "squadron", "multicluster.flyte.org/project": "project1",
            "multicluster.flyte.org/domain": "development",
        ]

        /// The spec of a DataPlane with the defaults of 0.1's CRD.
        private static func dataPlane(_ endpoint: String) -> JSON {
            resource(
                "DataPlane", "dataplane-1",
                [
                    "clusterName": "dataplane_1", "endpoint": .string(endpoint), "inCluster": false, "enabled": true,
                    "credentials": ["secretName": "cluster-credentials"],
                    "connection": [
                        "timeoutSeconds": 30, "qps": 100, "burst": 200, "proxyURL": "", "tlsServerName": "",
                    ], "values": [:], "valuesFrom": [],
                ])
        }
        private static func registry(_ role: String) -> JSON {
            resource(
                "ClusterRegistry", "flyte",
                [
                    "allowClusterScoped": false, "conflictPolicy": "Report", "defaultExecutionLabel": "",
                    "domainValues": [:], "domains": ["development", "staging", "production"],
                    "namespaceTemplate": "{{ project }}-{{ domain }}", "prune": false, "syncScope": "All",
                    "templatesConfigMap": "clusterresource-template",
                    "values": ["projectQuotaCpu": "5", "projectQuotaMemory": "4Gi"], "valuesFrom": [],
                    "workloadIdentity": ["aws": ["roleARN": .string(role)]],
                ])
        }
        /// What 0.1 applied in a data plane, as the field manager `squadron`.
        private static func applied(_ role: String, mark: String) -> [JSON] {
            [
                [
                    "apiVersion": "v1", "kind": "Namespace",
                    "metadata": [
                        "name": .string(name), "labels": labels,
                        "annotations": ["multicluster.flyte.org/control-plane-uid": .string(mark)],
                    ],
                ],
                [
                    "apiVersion": "v1", "kind": "ResourceQuota",
                    "metadata": [
                        "name": "project-quota", "namespace": .string(name), "labels": labels,
                        "annotations": ["multicluster.flyte.org/applied-hash": "9dc2e4ff2db302a6"],
                    ], "spec": ["hard": ["limits.cpu": "5", "limits.memory": "4Gi"]],
                ],
                [
                    "apiVersion": "v1", "kind": "ServiceAccount",
                    "metadata": [
                        "name": "default", "namespace": .string(name), "labels": labels,
                        "annotations": ["eks.amazonaws.com/role-arn": .string(role)],
                    ],
                ],
            ]
        }

        @Test("After an upgrade from 0.1 nothing is written in a data plane")
        func writesNothing() async throws {
            try await withFleet(of: 1) { fleet in
                let server = fleet[1].admin
                let flyte = try #require(try await fleet.admin.get("Namespace", "flyte"))
                let mark = try #require(flyte[path: ["metadata", "uid"]]?.string)
                for object in Self.applied(fleet.role, mark: mark) { try await server.apply(object, as: "squadron") }
                try await server.apply(FlyteTemplates.rights)
                try await fleet.admin.apply(
                    FlyteTemplates.configMap(["ab_project_resource_quota.yaml": FlyteTemplates.quota]))
                for object in [
                    Self.dataPlane(fleet[1].url), Self.registry(fleet.role), assignment("project1", "development"),
                    resource(
                        "ExecutionLabel", "label1",
                        ["label": "label1", "clusters": [["name": "dataplane_1", "weight": 1]]]),
                ] {
                    try await fleet.admin.apply(object)
                }
                fleet[1].requestLog.reset()
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    try await fleet.reports("ClusterRegistry", "flyte", "Ready", "Ready")
                    let written: Set = ["namespaces", "serviceaccounts", "resourcequotas"]
                    try await throughout(.seconds(1), "no write") {
                        fleet[1].requestLog.writes(to: written) == 0
                    }
                }
            }
        }
    }
}
