import Foundation
import JSON
import Kube
import RealCluster
import Support
import TestSupport
import Testing
import YAML

extension EndToEnd.Alone {
    /// Two real API servers, of which one trusts the other's tokens by a structured AuthenticationConfiguration.
    @Suite(
        "Federated credentials on real API servers", .enabled(if: KubernetesBinaries.areWanted),
        .timeLimit(.minutes(3 * patience)))
    struct RealFederation {
        private static let issuer = "https://control-plane.example.com"
        private static let user = "control-plane:system:serviceaccount:flyte:squadron"

        /// The data plane asks for the control plane's keys without a login.
        private static let discovery: JSON = [
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": ["name": "discovery"],
            "roleRef": [
                "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                "name": "system:service-account-issuer-discovery",
            ],
            "subjects": [
                ["kind": "Group", "name": "system:unauthenticated", "apiGroup": "rbac.authorization.k8s.io"]
            ],
        ]
        private static let binding: JSON = [
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": ["name": "federated"],
            "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "squadron"],
            "subjects": [["kind": "User", "name": .string(user), "apiGroup": "rbac.authorization.k8s.io"]],
        ]

        private static func trust(in controlPlane: RealCluster) -> JSON {
            [
                "apiVersion": "apiserver.config.k8s.io/v1beta1", "kind": "AuthenticationConfiguration",
                "jwt": [
                    [
                        "issuer": [
                            "url": .string(issuer), "audiences": ["dataplane_1"],
                            "discoveryURL": .string(controlPlane.url + "/.well-known/openid-configuration"),
                            "certificateAuthority": .string(controlPlane.caPEM),
                        ],
                        "claimMappings": ["username": ["claim": "sub", "prefix": "control-plane:"]],
                    ]
                ],
            ]
        }

        @Test("A data plane that trusts the control plane's issuer needs no token of its own")
        func federated() async throws {
            let binaries = try #require(try KubernetesBinaries.fromEnvironment())
            var options = RealCluster.Options()
            (options.name, options.issuer) = ("control-plane", Self.issuer)
            let controlPlane = try await RealCluster.start(binaries, options)
            defer { controlPlane.end() }
            let folder = try TemporaryFolder()
            let file = folder.url.appending(path: "authentication.yaml")
            try Data(YAML.emit(Self.trust(in: controlPlane)).utf8).write(to: file)
            options = RealCluster.Options()
            options.name = "dataplane-1"
            options.serverArguments = ["--authentication-config=\(file.path)"]
            let there = try await RealCluster.start(binaries, options)
            defer { there.end() }

            let fleet = try await TestFleet(controlPlane: controlPlane, dataPlanes: [RealCluster]())
            try await fleet.admin.apply(Self.discovery)
            try await fleet.admin.apply(Manifests.component("federated"))
            try await there.admin.apply(Manifests.dataPlane())
            try await there.admin.apply(Self.binding)
            try await fleet.admin.merge(
                "Secret", "cluster-credentials", ["stringData": ["dataplane_1_cacert": .string(there.caPEM)]])
            let role = "arn:aws:iam::111122223333:role/flyte"
            try await fleet.admin.apply(
                resource("ClusterRegistry", "flyte", ["workloadIdentity": ["aws": ["roleARN": .string(role)]]]))
            var spec: JSON = ["clusterName": "dataplane_1", "endpoint": .string(there.url)]
            spec["credentials"] = ["provider": "Federated"]
            try await fleet.admin.apply(resource("DataPlane", "dataplane-1", spec))
            try await fleet.admin.apply(
                resource("ExecutionLabel", "label1", ["clusters": [["name": "dataplane_1", "weight": 1]]]))
            try await fleet.admin.apply(assignment("project1", "development"))
            try await fleet.operating { _ in
                // It fetches the issuer's keys after its start.
                try await fleet.settles(1, 1, within: .seconds(60))
                let status = try await fleet.admin.get("DataPlane", "dataplane-1")?["status"]
                #expect(status?["identity"] == .string(Self.user))
                #expect(status?["tokenRenewalTime"] != nil)
                let account = try await there.admin.get("ServiceAccount", "default", in: "project1-development")
                #expect(account?[path: ["metadata", "annotations", "eks.amazonaws.com/role-arn"]] == .string(role))
            }
            // `diff` makes the token with the rights of its caller.
            let path = folder.url.appending(path: "kubeconfig")
            try Data(controlPlane.kubeconfig().utf8).write(to: path)
            let diff = try SquadronProcess(["diff", "--kubeconfig", path.path], folder: folder)
            try await diff.ends()
            #expect(diff.status == 0 && diff.output.contains("nothing would change"), "\(diff.output)")
            // Another audience is refused by the server, and by us before that.
            spec["credentials"] = ["provider": "Federated", "federated": ["audience": "other"]]
            try await fleet.admin.apply(resource("DataPlane", "dataplane-1", spec))
            try await fleet.operating { _ in
                try await fleet.reports("DataPlane", "dataplane-1", "CredentialsValid", "SourceNotAllowed")
                try await fleet.admin.merge(
                    "Secret", "cluster-credentials",
                    ["metadata": ["annotations": ["multicluster.flyte.org/audiences": "other"]]])
                try await fleet.reports("DataPlane", "dataplane-1", "CredentialsValid", "TokenRejected")
            }
        }
    }
}
