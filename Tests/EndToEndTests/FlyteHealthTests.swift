import DevCluster
import JSON
import TestAPI
import Testing

@testable import Operator

extension EndToEnd.Flyte {
    @Suite("FlyteReady")
    struct FlyteHealth {
        private static let registry: JSON = ["flyteHealth": ["enabled": true]]
        private static let mayCreate: [JSON] = [
            [
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                "metadata": ["name": "flyteadmin"],
                "rules": [
                    ["apiGroups": ["flyte.lyft.com"], "resources": ["flyteworkflows"], "verbs": ["create", "delete"]]
                ],
            ],
            [
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                "metadata": ["name": "flyteadmin"],
                "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "flyteadmin"],
                "subjects": [["kind": "ServiceAccount", "name": "flyteadmin", "namespace": "flyte"]],
            ],
        ]

        private static func available(_ isAvailable: Bool) -> JSON {
            [
                "status": [
                    "observedGeneration": 1, "replicas": 1, "availableReplicas": isAvailable ? 1 : 0,
                    "conditions": [
                        [
                            "type": "Available", "status": isAvailable ? "True" : "False", "reason": "r",
                            "message": "m", "lastTransitionTime": "2026-01-01T00:00:00Z",
                        ]
                    ],
                ]
            ]
        }

        /// flyteadmin's own account in the data plane, and its token among the entries of `cluster-credentials`.
        private static func enrollFlyteAdmin(_ fleet: TestFleet<DevCluster>) async throws -> String {
            try await fleet[1].admin.apply([
                "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": ["name": "flyteadmin", "namespace": "flyte"],
            ])
            let token = try await fleet[1].admin.token(of: "flyteadmin")
            let ca = try await fleet.admin.get("Secret", "cluster-credentials")?[path: ["data", "dataplane_1_cacert"]]
            try await fleet.admin.merge(
                "Secret", "cluster-credentials",
                ["stringData": ["flyteadmin_token": .string(token)], "data": ["flyteadmin_cacert": ca ?? ""]])
            return token
        }

        @Test("Each thing that a workflow needs has its reason, and Available stays as it is")
        func reasons() async throws {
            try await withFleet(of: 1) { fleet in
                let token = try await Self.enrollFlyteAdmin(fleet)
                try await fleet.applyBasics(Self.registry)
                try await fleet.admin.apply(fleet.dataPlane(1, ["flyteAdmin": ["tokenKey": "flyteadmin_token"]]))
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in
                    let refused = try await fleet.reports(1, "FlyteReady", "FlyteCRDMissing")
                    #expect(refused.message.contains("flyteworkflows.flyte.lyft.com"))
                    try await fleet[1].admin.apply(InstalledObjects.flyteWorkflows)
                    try await fleet.reports(1, "FlyteReady", "FlyteAdminForbidden")
                    for object in Self.mayCreate { try await fleet[1].admin.apply(object) }
                    let missing = try await fleet.reports(1, "FlyteReady", "PermissionsMissing")
                    #expect(missing.status == "Unknown" && missing.message.contains("components/flyte-health"))
                    try await fleet[1].admin.apply(Manifests.component("flyte-health"))
                    try await fleet.reports(1, "FlyteReady", "PropellerNotFound")
                    try await fleet[1].admin.apply(InstalledObjects.propeller)
                    try await fleet.reports(1, "FlyteReady", "PropellerUnavailable")
                    try await fleet[1].admin.merge(
                        "Deployment", "flytepropeller", Self.available(true), subresource: "status")
                    try await fleet.reports(1, "FlyteReady", "FlyteReady")
                    try await fleet[1].admin.merge(
                        "Deployment", "flytepropeller", Self.available(false), subresource: "status")
                    try await fleet.reports(1, "FlyteReady", "PropellerUnavailable")
                    try await fleet[1].admin.merge(
                        "Deployment", "flytepropeller", Self.available(true), subresource: "status")
                    // Signed by nobody that the data plane knows.
                    let parts = token.split(separator: ".")
                    let forged = "\(parts[0]).\(parts[1]).\(String(parts[2].reversed()))"
                    try await fleet.admin.merge(
                        "Secret", "cluster-credentials", ["stringData": ["flyteadmin_token": .string(forged)]])
                    try await fleet.reports(1, "FlyteReady", "FlyteAdminTokenRejected")
                    let conditions = try await fleet.conditions("DataPlane", "dataplane-1")
                    #expect(conditions["Ready"]?.reason == "FlyteAdminTokenRejected")
                    #expect(conditions["Synced"]?.status == "True" && conditions["Available"]?.status == "True")
                    #expect(!fleet.log.lines.contains { $0.contains(token) || $0.contains(forged) })
                    try await fleet.admin.merge("ClusterRegistry", "flyte", ["spec": ["flyteHealth": nil]])
                    try await eventually("the condition is gone") {
                        try await fleet.conditions("DataPlane", "dataplane-1")["FlyteReady"] == nil
                    }
                }
            }
        }

        @Test("Flyte's health costs one watch, and nothing between the reviews")
        func settled() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet[1].admin.apply(InstalledObjects.flyteWorkflows)
                try await fleet[1].admin.apply(Manifests.component("flyte-health"))
                try await fleet[1].admin.apply(InstalledObjects.propeller)
                try await fleet[1].admin.merge(
                    "Deployment", "flytepropeller", Self.available(true), subresource: "status")
                for object in Self.mayCreate {
                    var object = object
                    if object["subjects"] != nil {
                        object["subjects"] = [["kind": "ServiceAccount", "name": "squadron", "namespace": "flyte"]]
                    }
                    try await fleet[1].admin.apply(object)
                }
                try await fleet.applyBasics(Self.registry)
                try await fleet.operating { _ in
                    try await fleet.reports(1, "FlyteReady", "FlyteReady")
                    try await waitForQuiet(
                        for: .milliseconds(600), "its statuses are written", on: fleet.controlPlane.requestLog
                    ) {
                        fleet.controlPlane.requestLog.writes(to: ["dataplanes"]) == 0
                    }
                    fleet[1].requestLog.reset()
                    try await throughout(.seconds(2), "only probes are sent") {
                        fleet[1].requestLog.counts.keys.allSatisfy {
                            !$0.userAgent.contains("squadron") || ["/readyz", "namespaces"].contains($0.resource)
                        }
                    }
                    #expect(fleet[1].requestLog.openWatches.count == 3)
                }
            }
        }
    }
}
