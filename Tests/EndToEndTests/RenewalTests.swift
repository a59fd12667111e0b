import DevCluster
import Fleet
import JSON
import KubeObjects
import Support
import Testing

@testable import Operator

extension EndToEnd.Syncing {
    @Suite("Tokens that renew themselves")
    struct Renewals {
        /// A tenth of a second of an hour.
        @Sendable private static func quickly(_ configuration: inout OperatorConfiguration) {
            configuration.renewal.share = 0.00002...0.00003
            configuration.renewal.gap = .milliseconds(50)
        }

        private static let provider: JSON = ["credentials": ["provider": "TokenRequest"]]

        private func apply(_ fleet: TestFleet<DevCluster>) async throws {
            try await fleet.applyBasics()
            for number in 1...fleet.dataPlanes.count {
                try await fleet.admin.apply(fleet.dataPlane(number, Self.provider))
            }
            try await fleet.admin.apply(assignment("project1", "development"))
        }

        private static func renewals(_ server: DevCluster) -> Int {
            server.requestLog.count(verb: "create", resource: "serviceaccounts/token", userAgent: "squadron/")
        }

        @Test("50 renewals of each token need no new connection, list or watch")
        func noConnection() async throws {
            try await withFleet(of: 4, configure: Self.quickly) { fleet in
                try await apply(fleet)
                try await fleet.operating { squadron in
                    try await fleet.settles(1)
                    try await eventually("each has renewed its token") {
                        fleet.dataPlanes.allSatisfy { Self.renewals($0) > 0 }
                    }
                    try await fleet.reports("ClusterRegistry", "flyte", "Ready", "Ready")
                    try await fleet.reports("ExecutionLabel", "label1", "Ready", "Resolved")
                    let connections = fleet.dataPlanes.map(\.connections.accepted)
                    for server in fleet.dataPlanes { server.requestLog.reset() }
                    fleet.controlPlane.requestLog.reset()
                    try await eventually("50 renewals each", within: .seconds(60)) {
                        fleet.dataPlanes.allSatisfy { Self.renewals($0) >= 50 }
                    }
                    #expect(fleet.dataPlanes.map(\.connections.accepted) == connections)
                    for server in fleet.dataPlanes {
                        #expect(server.requestLog.count(verb: "list", userAgent: "squadron/") == 0)
                        #expect(server.requestLog.count(verb: "watch", userAgent: "squadron/") == 0)
                        #expect(server.requestLog.count(verb: "patch", userAgent: "squadron/") == 0)
                        #expect(server.requestLog.count(userAgent: "squadron/", status: 401) == 0)
                    }
                    let log = fleet.controlPlane.requestLog
                    #expect(log.count(verb: "patch", resource: "deployments", userAgent: "squadron/") == 0)
                    #expect(log.count(verb: "patch", resource: "executionlabels/status", userAgent: "squadron/") == 0)
                    let series = #"squadron_credential_renewals_total{dataplane="dataplane-1",outcome="succeeded"} "#
                    try await eventually("the metric has counted them") {
                        let line = squadron.metricsText.split(separator: "\n").first { $0.hasPrefix(series) }
                        let count = line.flatMap { Int($0.dropFirst(series.count)) } ?? 0
                        return count >= 50
                    }
                    // It still works.
                    try await fleet.admin.apply(assignment("project2", "development"))
                    try await fleet.settles(2)
                    let status = try await fleet.admin.get("DataPlane", "dataplane-1")?["status"]
                    #expect(status?["tokenRenewalTime"] != nil && status?["tokenExpirationTime"] != nil)
                    #expect(status?[path: ["credential", "fingerprint"]]?.string?.hasPrefix("sha256:") == true)
                    #expect(
                        try await fleet.events(regarding: "dataplane-1", "DataPlane").allSatisfy {
                            !$0.contains("Credentials")
                        })
                }
            }
        }

        @Test("A data plane that gives shorter tokens is asked by the life that it gives")
        func capped() async throws {
            try await withFleet(of: 1) { fleet in
                fleet[1].maximumTokenLifetime = .seconds(86_400)
                try await fleet.applyBasics()
                let request: JSON = ["expirationSeconds": 31_536_000]
                try await fleet.admin.apply(
                    fleet.dataPlane(1, ["credentials": ["provider": "TokenRequest", "tokenRequest": request]]))
                try await fleet.operating { _ in
                    let status = try await eventually("the own token is in use") {
                        try await fleet.admin.get("DataPlane", "dataplane-1")?["status"] ?? .null
                    } until: {
                        $0["tokenRenewalTime"] != nil
                    }
                    let end = try #require(status["tokenExpirationTime"]?.string.flatMap { Timestamp($0) })
                    let next = try #require(status["tokenRenewalTime"]?.string.flatMap { Timestamp($0) })
                    let rest = end.instant - next.instant
                    #expect((86_400 * 0.19...86_400 * 0.31).contains(rest), "\(rest)")
                    try await throughout(.seconds(1), "it is asked once") { Self.renewals(fleet[1]) == 1 }
                }
            }
        }

        @Test("An account that is gone is RenewalFailed, until the Secret has a good token")
        func gone() async throws {
            try await withFleet(of: 1) { fleet in
                try await apply(fleet)
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    try await eventually("the token was renewed") { Self.renewals(fleet[1]) > 0 }
                    try await fleet[1].admin.delete("ServiceAccount", "squadron")
                    let condition = try await fleet.reports(1, "CredentialsValid", "RenewalFailed")
                    #expect(condition.message.contains("the Secret's token is refused as well"), "\(condition)")
                    try await eventually("an event says it") {
                        try await fleet.events(regarding: "dataplane-1", "DataPlane").contains {
                            $0.hasPrefix("CredentialsRenewalFailed")
                        }
                    }
                    try await fleet[1].admin.apply(Manifests.dataPlane())
                    try await fleet.enroll(1)
                    try await fleet.reports(1, "CredentialsValid", "Valid")
                    try await fleet.settles(1)
                }
            }
        }

        @Test("A missing right is reported while the Secret's token stays in use")
        func forbidden() async throws {
            try await withFleet(of: 1) { fleet in
                try await apply(fleet)
                try await fleet[1].admin.delete("RoleBinding", "squadron-token")
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    try await eventually("an event says it") {
                        try await fleet.events(regarding: "dataplane-1", "DataPlane").contains {
                            $0.hasPrefix("CredentialsRenewalFailed") && $0.contains("serviceaccounts/token")
                        }
                    }
                    let conditions = try await fleet.conditions("DataPlane", "dataplane-1")
                    #expect(conditions["CredentialsValid"]?.status == "True", "\(conditions)")
                }
            }
        }

        /// A DataPlane whose first token has used up three quarters of its hour.
        private func withEndingToken(
            managedBy manager: String, _ body: (TestFleet<DevCluster>, String) async throws -> Void
        ) async throws {
            let later = WallClock { WallClock.system.now + 2_880 }
            try await withFleet(of: 1, configure: { $0.wallClock = later }) { fleet in
                let old = try await fleet[1].admin.token(of: "squadron")
                try await fleet.applySecret("squadron-credentials", use: nil)
                try await fleet.admin.apply(
                    [
                        "apiVersion": "v1", "kind": "Secret",
                        "metadata": ["name": "squadron-credentials", "namespace": "flyte"],
                        "stringData": [
                            "dataplane_1_token": .string(old), "dataplane_1_cacert": .string(fleet[1].caPEM),
                        ],
                    ], as: manager)
                try await fleet.admin.apply(Manifests.component("token-write-back"))
                try await fleet.admin.apply(
                    fleet.dataPlane(
                        1, ["credentials": ["provider": "TokenRequest", "secretName": "squadron-credentials"]]))
                try await fleet.operating { _ in try await body(fleet, old) }
            }
        }

        private func firstToken(_ fleet: TestFleet<DevCluster>) async throws -> String? {
            let data = try await fleet.admin.get("Secret", "squadron-credentials")?["data"]
            return data?["dataplane_1_token"]?.string.flatMap { Base64.decode($0) }
                .map { String(decoding: $0, as: UTF8.self) }
        }

        @Test("A first token that ends is replaced by one for a day, without a new connection")
        func writtenBack() async throws {
            try await withEndingToken(managedBy: "squadron") { fleet, old in
                let new = try await eventually("it is replaced") {
                    try await firstToken(fleet) ?? old
                } until: {
                    $0 != old
                }
                let lifetime = try #require(AccountToken.read(Sensitive(new))?.lifetime)
                #expect(lifetime.end.instant - (lifetime.start?.instant ?? lifetime.end.instant) == 86_400)
                try await fleet.reports(1, "CredentialsValid", "Valid")
                let connections = fleet[1].connections.accepted
                try await throughout(.seconds(1), "no connection") { fleet[1].connections.accepted == connections }
            }
        }

        @Test("What another manager keeps is not written, and an event says so")
        func notWrittenBack() async throws {
            try await withEndingToken(managedBy: "external-secrets") { fleet, old in
                try await eventually("an event says it") {
                    try await fleet.events(regarding: "dataplane-1", "DataPlane").contains {
                        $0.hasPrefix("CredentialsNotWrittenBack") && $0.contains("external-secrets")
                    }
                }
                #expect(try await firstToken(fleet) == old)
            }
        }

        @Test("A data plane that trusts the control plane's issuer needs no token of its own")
        func federated() async throws {
            try await withFleet(of: 2, configure: Self.quickly) { fleet in
                let user = "control-plane:system:serviceaccount:flyte:squadron"
                fleet[1].trust(issuerOf: fleet.controlPlane, audience: "dataplane_1", usernamePrefix: "control-plane:")
                try await fleet[1].admin.apply([
                    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                    "metadata": ["name": "federated"],
                    "roleRef": [
                        "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "squadron",
                    ],
                    "subjects": [
                        ["kind": "User", "name": .string(user), "apiGroup": "rbac.authorization.k8s.io"]
                    ],
                ])
                let noTokens: JSON = ["data": ["dataplane_1_token": nil, "dataplane_2_token": nil]]
                try await fleet.admin.merge("Secret", "cluster-credentials", noTokens)
                try await fleet.applyBasics()
                for number in 1...2 {
                    try await fleet.admin.apply(fleet.dataPlane(number, ["credentials": ["provider": "Federated"]]))
                }
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in
                    // Without the right to ask for the token.
                    let condition = try await fleet.reports(1, "CredentialsValid", "RenewalFailed")
                    #expect(condition.message.contains("manifests/components/federated"), "\(condition)")
                    try await fleet.admin.apply(Manifests.component("federated"))
                    try await fleet.settles(1, 1)
                    let status = try await fleet.admin.get("DataPlane", "dataplane-1")?["status"]
                    #expect(status?["identity"] == .string(user))
                    #expect(try await fleet.annotation(1, "project1-development") == fleet.role)
                    // The other one does not trust it.
                    try await fleet.reports(2, "CredentialsValid", "TokenRejected")
                }
            }
        }
    }
}
