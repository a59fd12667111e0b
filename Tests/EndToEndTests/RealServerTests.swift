import JSON
import Kube
import KubeObjects
import RealCluster
import TestSupport
import Testing

@testable import Operator

extension RealCluster: Server {}

extension EndToEnd.Alone {
    /// The main job on real API servers. They start slowly, so that one fleet carries one story.
    @Suite(
        "On real API servers",
        .enabled("KUBEBUILDER_ASSETS names etcd, kube-apiserver and kube-controller-manager") {
            KubernetesBinaries.haveControllers
        }, .timeLimit(.minutes(5 * patience)))
    struct RealServers {
        @Test("The guide's example, day two, drift, an outage and a restart, as on devcluster")
        func story() async throws {
            try await withRealFleet(of: 2) { fleet in
                try await firstSync(fleet)
                try await fleet.operating { _ in
                    try await fleet.settles(2)
                    try await drift(fleet)
                    try await conflict(fleet)
                    try await rotation(fleet)
                    try await outage(fleet)
                }
                try await restart(fleet)
            }
        }

        /// docs/migration.md: `syncresources` has made everything before, with POST and without server-side apply.
        @Test("What syncresources made of the same templates is taken over unchanged and kept")
        func adoption() async throws {
            let files = [
                "aa_namespace.yaml": Self.namespace, "aab_account.yaml": FlyteTemplates.account,
                "ab_quota.yaml": FlyteTemplates.quota, "ac_limits.yaml": Self.limits, "ad_role.yaml": Self.role,
            ]
            try await withRealFleet(of: 1) { fleet in
                let values = [
                    "namespace": "project1-development", "projectQuotaCpu": "4", "projectQuotaMemory": "1.5Gi",
                    "cpuLimit": "1",
                    "defaultIamRole": fleet.role,
                ]
                try await SyncResources(server: fleet[1].admin).run(files, values)
                let before = try await Self.contents(fleet)
                try await fleet.applyTemplates(
                    files,
                    registry: ["values": .object(values.filter { $0.key != "namespace" }.mapValues { .string($0) })],
                    rights: FlyteTemplates.allRights)
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    #expect(try await Self.contents(fleet) == before, "only metadata was added")
                    #expect(try await fleet.conditions("DataPlane", "dataplane-1")["Synced"]?.reason == "InSync")
                    try await fleet[1].admin.delete("ResourceQuota", "project-quota", in: "project1-development")
                    try await eventually("the quota is back") { try await Self.contents(fleet) == before }
                    // A later change does not conflict with Flyte's fields.
                    let arn = "arn:aws:iam::1:role/other"
                    try await fleet.admin.merge(
                        "ClusterRegistry", "flyte",
                        ["spec": ["values": ["cpuLimit": "2", "defaultIamRole": .string(arn)]]])
                    try await eventually("the role is the other one") {
                        try await fleet.annotation(1, "project1-development") == arn
                    }
                    try await fleet.settles(1)
                    #expect(try await Self.contents(fleet) != before)
                }
            }
        }

        private static let namespace = """
            {apiVersion: v1, kind: Namespace, metadata: {name: {{ namespace }}}, spec: {finalizers: [kubernetes]}}
            """
        private static let limits = """
            apiVersion: v1
            kind: LimitRange
            metadata: {name: limits, namespace: {{ namespace }}}
            spec: {limits: [{type: Container, default: {cpu: {{ cpuLimit }}, memory: 1024Mi}, defaultRequest: {cpu: 0.5}}]}
            """
        private static let role = """
            apiVersion: rbac.authorization.k8s.io/v1
            kind: Role
            metadata: {name: workers, namespace: {{ namespace }}}
            rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
            """

        private static func contents(_ fleet: TestFleet<RealCluster>) async throws -> [JSON?] {
            var contents: [JSON?] = []
            for (kind, name) in [("ResourceQuota", "project-quota"), ("LimitRange", "limits"), ("Role", "workers")] {
                let object = try await fleet[1].admin.get(kind, name, in: "project1-development")
                contents.append(object?["spec"] ?? object?["rules"])
            }
            return contents
        }

        private func firstSync(_ fleet: TestFleet<RealCluster>) async throws {
            try await fleet.applySamples()
            let before = try await Self.applies(fleet)
            try await fleet.operating { _ in
                try await fleet.settles(2, within: .seconds(60))
                for name in ["project1-development", "team1-production", "project1-development-training"] {
                    try await fleet.allTrue("ExecutionClusterLabel", name, but: ["Published"])
                }
                try await fleet.allTrue("DataPlane", "controlplane")
                try await fleet.allTrue("ClusterRegistry", "flyte", but: ["Published", "RolledOut"])
            }
            for number in 1...2 {
                for name in ["project1-development", "team1-production"] {
                    #expect(try await fleet.annotation(number, name) == fleet.role)
                    let labels = try await fleet[number].admin.get("Namespace", name)?[path: ["metadata", "labels"]]
                    #expect(labels?["app.kubernetes.io/managed-by"] == "squadron")
                }
            }
            #expect(try await Self.applies(fleet) == before.map { $0 + 4 }, "one write for each object")
            let status = try await fleet.admin.get("DataPlane", "dataplane-1")?["status"]
            #expect(status?["kubernetesVersion"]?.string?.hasPrefix("v1.") == true)
            // From 1.28 on a data plane tells our user name.
            let mayBeOlder = try KubernetesBinaries.ofDataPlanes() != KubernetesBinaries.fromEnvironment()
            let identity = status?["identity"]
            #expect(identity == "system:serviceaccount:flyte:squadron" || (mayBeOlder && identity == nil))
        }

        private func drift(_ fleet: TestFleet<RealCluster>) async throws {
            let (server, name) = (fleet[1].admin, "project1-development")
            try await server.merge(
                "ServiceAccount", "default", in: name,
                ["metadata": ["annotations": ["eks.amazonaws.com/role-arn": nil]]])
            try await eventually("the annotation is back") { try await fleet.annotation(1, name) == fleet.role }
            try await server.merge(
                "Namespace", name, ["metadata": ["labels": ["app.kubernetes.io/managed-by": nil]]])
            try await eventually("the label is back") {
                try await server.get("Namespace", name)?[path: ["metadata", "labels", "app.kubernetes.io/managed-by"]]
                    == "squadron"
            }
            let uid = try await server.get("Namespace", name)?[path: ["metadata", "uid"]]
            try await server.delete("Namespace", name)
            try await eventually("the namespace is made anew", within: .seconds(60)) {
                let again = try await server.get("Namespace", name)
                return again != nil && again?[path: ["metadata", "uid"]] != uid
            }
            try await eventually("its ServiceAccount has the annotation") {
                try await fleet.annotation(1, name) == fleet.role
            }
            try await fleet.settles(2)
        }

        private func conflict(_ fleet: TestFleet<RealCluster>) async throws {
            func terraform(_ annotations: JSON) async throws {
                try await fleet[2].admin.apply(
                    [
                        "apiVersion": "v1", "kind": "ServiceAccount",
                        "metadata": [
                            "name": "default", "namespace": "team1-production", "annotations": annotations,
                        ],
                    ], as: "terraform")
            }
            try await terraform(["eks.amazonaws.com/role-arn": "arn:theirs"])
            let message = try await fleet.reports(2, "Synced", "Conflict").message
            #expect(message.contains("terraform"))
            try await terraform(["other": "x"])
            try await fleet.settles(2, 2)
        }

        private func rotation(_ fleet: TestFleet<RealCluster>) async throws {
            let new = try await fleet[1].admin.token(of: "squadron")
            try await fleet.admin.merge(
                "Secret", "cluster-credentials", ["stringData": ["dataplane_1_token": .string(new)]])
            // The old token ends with its Secret; what works from then on works with the new one.
            try await eventually("the new token's end is in the status") {
                try await fleet.admin.get("DataPlane", "dataplane-1")?[path: ["status", "tokenExpirationTime"]] != nil
            }
            try await fleet[1].admin.delete("Secret", "squadron-token")
            try await fleet.admin.apply(assignment("after-rotation", "staging"))
            try await fleet.settles(3)
        }

        private func outage(_ fleet: TestFleet<RealCluster>) async throws {
            fleet[2].stop()
            try await fleet.reports(2, "Reachable", "ConnectFailed")
            try await fleet.admin.apply(assignment("during-outage", "staging"))
            try await fleet.settles(1, 4)
            try await fleet[2].restart()
            try await fleet.settles(2, 4, within: .seconds(60))
            #expect(try await fleet.annotation(2, "during-outage-staging") == fleet.role)
        }

        private func restart(_ fleet: TestFleet<RealCluster>) async throws {
            let before = try await Self.applies(fleet)
            let statuses = try await Self.versions(fleet)
            try await fleet.operating { squadron in
                try await eventually("it has looked at everything") {
                    squadron.metricsText.contains(
                        #"squadron_namespaces_synced{dataplane="dataplane-2"} 4"#)
                        && squadron.metricsText.contains(
                            #"squadron_namespaces_synced{dataplane="dataplane-1"} 4"#)
                }
                try await throughout(.seconds(1), "no write") { try await Self.applies(fleet) == before }
            }
            #expect(try await Self.versions(fleet) == statuses, "a status was written")
        }

        private static func versions(_ fleet: TestFleet<RealCluster>) async throws -> [String] {
            try await fleet.admin.list("DataPlane").map { $0[path: ["metadata", "resourceVersion"]]?.string ?? "" }
        }

        /// Server-side applies of Namespaces and ServiceAccounts that each data plane has answered, by its own metrics.
        /// (Nobody else applies there once the fleet is set up, but for these tests.)
        private static func applies(_ fleet: TestFleet<RealCluster>) async throws -> [Int] {
            var result: [Int] = []
            for server in fleet.dataPlanes {
                let text = try await server.admin.client.text("/metrics")
                result.append(
                    text.split(separator: "\n").reduce(0) { sum, line in
                        guard line.hasPrefix("apiserver_request_total"), line.contains(#"verb="APPLY""#),
                            line.contains(#"resource="namespaces""#) || line.contains(#"resource="serviceaccounts""#)
                        else { return sum }
                        return sum + (line.split(separator: " ").last.flatMap { Int($0) } ?? 0)
                    })
            }
            return result
        }
    }
}

/// A fleet of real API servers, ended at the end.
func withRealFleet(of count: Int, _ body: (TestFleet<RealCluster>) async throws -> Void) async throws {
    let control = try #require(try KubernetesBinaries.fromEnvironment())
    let data = try #require(try KubernetesBinaries.ofDataPlanes())
    var servers: [RealCluster] = []
    defer { for server in servers { server.end() } }
    for index in 0...count {
        var options = RealCluster.Options()
        options.name = index == 0 ? "control-plane" : "dataplane-\(index)"
        servers.append(try await RealCluster.start(index == 0 ? control : data, options))
    }
    try await body(try await TestFleet(controlPlane: servers[0], dataPlanes: Array(servers.dropFirst())))
}
