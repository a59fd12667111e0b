import DevCluster
import DevFlyteAdmin
import Foundation
import JSON
import Testing

@testable import Operator

extension EndToEnd.Syncing {
    @Suite("Which Secret may be used for what")
    struct SecretUses {
        @Test("A token with another cluster's CA, or for a host that is not allowed, stays here")
        func notSent() async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    func stopsAndHeals(
                        _ reason: String, _ begin: () async throws -> Void, _ end: () async throws -> Void
                    ) async throws {
                        try await begin()
                        let condition = try await fleet.reports(2, "CredentialsValid", reason)
                        #expect(condition.status == "False" && condition.message.contains("nothing is sent"))
                        // A second has three probes, as it is set here.
                        try await waitForQuiet(for: .seconds(1), "nothing is sent", on: fleet[2].requestLog) {
                            !fleet[2].requestLog.counts.keys.contains { $0.userAgent.hasPrefix("squadron/") }
                        }
                        try await fleet.settles(1, 1)
                        try await end()
                        try await fleet.settles(2, 1)
                    }
                    try await stopsAndHeals("KeysMismatch") {
                        try await fleet.admin.apply(
                            fleet.dataPlane(2, ["credentials": ["caCertKey": "dataplane_1_cacert"]]))
                    } _: {
                        try await fleet.admin.apply(fleet.dataPlane(2))
                    }
                    func annotate(_ hosts: String) async throws {
                        try await fleet.admin.merge(
                            "Secret", "cluster-credentials",
                            [
                                "metadata": [
                                    "annotations": ["multicluster.flyte.org/hosts.dataplane_2": .string(hosts)]
                                ]
                            ])
                    }
                    try await stopsAndHeals("HostNotAllowed") {
                        try await annotate("dp2.example.com")
                    } _: {
                        try await annotate("dp2.example.com, 127.0.0.1")
                    }
                }
            }
        }

        @Test("A proxy's password follows its Secret, goes only to that proxy, and stays hidden")
        func proxyPassword() async throws {
            let passwords = ["hunter2-the-first", "hunter2-the-second"]
            let logins = passwords.map { "corp-user:\($0)" }
            let proxy = try await PasswordProxy(logins[0])
            var metrics = ""
            try await withFleet(of: 2) { fleet in
                func put(_ login: String, use: String? = "proxy", hosts: String) async throws {
                    try await fleet.applySecret("corp-proxy", use: use, hosts: hosts, ["login": login])
                }
                let hosts = "127.0.0.1:\(proxy.port)"
                try await fleet.applyBasics()
                try await fleet.admin.apply(
                    fleet.dataPlane(
                        2,
                        [
                            "connection": [
                                "proxyURL": .string(proxy.url),
                                "proxyCredentialsRef": ["name": "corp-proxy", "key": "login"],
                            ]
                        ]))
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { squadron in
                    // The operator may not read it either.
                    let missing = try await fleet.reports(2, "CredentialsValid", "SecretNotFound")
                    #expect(missing.message.contains("Secret corp-proxy can't be read"))
                    try await put(logins[0], hosts: hosts)
                    try await fleet.settles(1)
                    #expect(Set(proxy.seen.tunnels) == ["127.0.0.1:\(fleet[2].port)"])

                    // The proxy wants another one. It repeats what it got.
                    await proxy.change(logins[1])
                    let refused = try await fleet.reports(2, "Reachable", "ConnectFailed")
                    #expect(refused.message.contains("407"))
                    try await put(logins[1], hosts: hosts)
                    try await fleet.settles(2, 1)

                    func stops(_ reason: String) async throws {
                        let condition = try await fleet.reports(2, "CredentialsValid", reason)
                        #expect(condition.status == "False" && condition.message.contains("nothing is sent"))
                        let before = proxy.seen
                        try await throughout(.seconds(1), "the proxy is asked nothing") {
                            proxy.seen.tunnels == before.tunnels && proxy.seen.refusals == before.refusals
                        }
                    }
                    try await put(logins[1], use: nil, hosts: hosts)
                    try await stops("SourceNotAllowed")
                    try await put(logins[1], hosts: "proxy.example.com")
                    try await stops("HostNotAllowed")
                    try await put(passwords[1], hosts: hosts)
                    try await stops("TokenMalformed")
                    try await fleet.admin.delete("Secret", "corp-proxy")
                    try await stops("SecretNotFound")
                    try await put(logins[1], hosts: hosts)
                    try await fleet.settles(2, 1)
                    try await fleet.settles(1, 1)
                    metrics = squadron.metricsText
                }
                var seen = fleet.log.lines.joined(separator: "\n") + metrics
                for kind in ["Event", "DataPlane", "ClusterRegistry"] {
                    for object in try await fleet.admin.list(kind) { seen += object.serializedString }
                }
                for secret in passwords + logins.map({ Data($0.utf8).base64EncodedString() }) {
                    #expect(!seen.contains(secret))
                }
            }
            await proxy.stop()
        }

        @Test("No object gets at a data plane's token by naming its Secret")
        func sources() async throws {
            let stolen: JSON = ["name": "cluster-credentials", "key": "dataplane_1_token"]
            let source: JSON = [["name": "role", "secretKeyRef": stolen]]
            try await withFlyteAdmin(more: ["auth": ["tokenRef": stolen]]) { fleet, flyteAdmin in
                try await fleet.admin.merge(
                    "ClusterRegistry", "flyte",
                    [
                        "spec": [
                            "workloadIdentity": ["aws": ["roleARN": "arn:aws:iam::1:role/{{ role }}"]],
                            // Otherwise all namespaces wait for a flyteadmin that can't be reached.
                            "flyteAdmin": ["clusterResourceAttributes": "Ignore"],
                        ]
                    ])
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.admin.apply(
                    resource("FlyteProject", "team2", ["project": "team2", "valuesFrom": source]))
                try await fleet.operating { _ in
                    let project = try await fleet.reports(
                        "FlyteProject", "team2", "NamespaceSynced", "SourceNotAllowed")
                    #expect(project.message.hasPrefix("valuesFrom role: Secret cluster-credentials holds"))
                    try await fleet.reports(
                        "ExecutionClusterLabel", "team1-development", "Published", "SourceNotAllowed")
                    let registry = try await fleet.reports("ClusterRegistry", "flyte", "Ready", "SourceNotAllowed")
                    #expect(registry.message.hasPrefix("spec.flyteAdmin: "))
                    try await fleet.admin.merge("DataPlane", "dataplane-1", ["spec": ["valuesFrom": source]])
                    try await fleet.reports(1, "Synced", "SourceNotAllowed")
                    try await fleet.admin.merge("ClusterRegistry", "flyte", ["spec": ["valuesFrom": source]])
                    try await eventually("the registry names the source") {
                        let ready = Conditions(try await fleet.admin.get("ClusterRegistry", "flyte"))["Ready"]
                        return ready?.message.hasPrefix("valuesFrom role: ") == true
                    }
                    #expect(flyteAdmin.requests.isEmpty)
                    // The Secret that is meant for it, and the label that says so.
                    try await fleet.applySecret("template-values", use: nil, ["role": "flyte"])
                    let named: JSON = [["name": "role", "secretKeyRef": ["name": "template-values", "key": "role"]]]
                    let objects = [
                        ("ClusterRegistry", "flyte"), ("DataPlane", "dataplane-1"), ("FlyteProject", "team2"),
                    ]
                    for (kind, name) in objects {
                        try await fleet.admin.merge(kind, name, ["spec": ["valuesFrom": named]])
                    }
                    try await eventually("the label is asked for") {
                        let message = Conditions(try await fleet.admin.get("FlyteProject", "team2"))["Ready"]?.message
                        return message?.contains("multicluster.flyte.org/use: values") == true
                    }
                    try await fleet.applySecret("template-values", use: "values", ["role": "flyte"])
                    try await fleet.reports("FlyteProject", "team2", "NamespaceSynced", "InSync")
                    #expect(try await fleet.annotation(1, "team2-development") == "arn:aws:iam::1:role/flyte")
                }
            }
        }
    }
}
