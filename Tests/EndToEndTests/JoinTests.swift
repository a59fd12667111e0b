import DevCluster
import Foundation
import JSON
import Testing

extension EndToEnd.Commands {
    @Suite("squadron join")
    struct Join {
        private static func join(
            _ arguments: [String], _ fleet: TestFleet<DevCluster>, _ there: DevCluster, edit: (JSON) -> JSON = { $0 }
        ) async throws -> (status: Int32, output: String) {
            try await TwoContexts.run(
                ["join", "new", "--cluster-context", "there"] + arguments, fleet.controlPlane, [there], edit: edit)
        }

        @Test("From a bare cluster to Available with one command, which can be run again")
        func join() async throws {
            try await withNewcomers(["there"]) { clusters in
                let there = clusters[0]
                try await withSettledFleet { fleet, _ in
                    let before = try await fleet.admin.get("Secret", "cluster-credentials")?["data"]?.object ?? [:]
                    let dry = try await Self.join(["--cluster-name", "new_1", "--dry-run"], fleet, there)
                    #expect(dry.status == 0, "\(dry.output)")
                    #expect(try await there.admin.get("Namespace", "flyte") == nil)
                    #expect(try await fleet.admin.get("DataPlane", "new") == nil)
                    let printed = try await Self.join(["--cluster-name", "new_1", "-o", "yaml"], fleet, there)
                    #expect(printed.status == 0 && printed.output.contains("kind: DataPlane"), "\(printed.output)")
                    #expect(try await there.admin.get("Namespace", "flyte") == nil)
                    for _ in 0..<2 {
                        let joined = try await Self.join(["--cluster-name", "new_1", "--label", "fresh"], fleet, there)
                        #expect(joined.status == 0 && joined.output.contains("available    new"), "\(joined.output)")
                    }
                    try await fleet.reports("ExecutionLabel", "fresh", "Ready", "Resolved")
                    try await eventually("the namespace is in the new data plane") {
                        try await there.admin.get("Namespace", "project1-development") != nil
                    }
                    let after = try await fleet.admin.get("Secret", "cluster-credentials")?["data"]?.object ?? [:]
                    #expect(Set(after.keys).subtracting(before.keys) == ["new_1_token", "new_1_cacert"])
                    #expect(before.allSatisfy { after[$0.key] == $0.value })
                    // The same cluster under another name.
                    let twice = try await Self.join(["--cluster-name", "other"], fleet, there)
                    #expect(twice.status == 1 && twice.output.contains("can't be changed"), "\(twice.output)")
                    let second = try await TwoContexts.run(
                        ["join", "second", "--cluster-context", "there"], fleet.controlPlane, [there])
                    #expect(second.status == 1, "\(second.output)")
                    #expect(second.output.contains("DataPlane new is already"), "\(second.output)")
                    #expect(try await fleet.admin.get("DataPlane", "second") == nil)
                }
            }
        }

        @Test("Joins at the same time, of one name and of several, lose no entry of the Secret")
        func together() async throws {
            try await withNewcomers(["one", "two", "three"]) { clusters in
                try await withFleet(of: 1) { fleet in
                    try await fleet.admin.delete("Secret", "cluster-credentials")
                    try await fleet.operating { _ in
                        let processes = try (clusters + [clusters[0]]).map { cluster in
                            try TwoContexts.start(
                                ["join", cluster.name, "--cluster-context", cluster.name], fleet.controlPlane, clusters)
                        }
                        for process in processes {
                            try await process.ends(within: .seconds(60))
                            #expect(process.status == 0, "\(process.output)")
                        }
                        let keys = try await fleet.admin.get("Secret", "cluster-credentials")?["data"]?.object?.keys
                        #expect(
                            Set(keys ?? [:].keys)
                                == Set(clusters.flatMap { [$0.name + "_token", $0.name + "_cacert"] }))
                    }
                }
            }
        }

        @Test("A reason that keeps a cluster from joining is reported, with the way out")
        func refused() async throws {
            try await withNewcomers(["there"]) { clusters in
                let there = clusters[0]
                try await withSettledFleet { fleet, _ in
                    // An account without rights: the token of a new ServiceAccount.
                    try await there.admin.apply(Manifests.dataPlane().filter { $0["kind"] == "Namespace" })
                    try await there.admin.apply([
                        "apiVersion": "v1", "kind": "ServiceAccount",
                        "metadata": ["name": "nobody", "namespace": "flyte"],
                    ])
                    let token = try await there.admin.token(of: "nobody")
                    let powerless = try await Self.join([], fleet, there) {
                        Self.user(["token": .string(token)], in: $0)
                    }
                    #expect(powerless.status == 1, "\(powerless.output)")
                    #expect(
                        powerless.output.contains("{apiGroups: [\"\"], resources: [namespaces], verbs: [get]}"),
                        "\(powerless.output)")

                    // A login that has ended: the server refuses what the plugin gives.
                    let answer: JSON = [
                        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                        "status": ["token": "ended", "expirationTimestamp": "2020-01-01T00:00:00Z"],
                    ]
                    let plugin: JSON = [
                        "exec": [
                            "apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/echo",
                            "args": [.string(answer.serializedString)], "interactiveMode": "Never",
                        ]
                    ]
                    let expired = try await Self.join([], fleet, there) { Self.user(plugin, in: $0) }
                    #expect(expired.status == 1 && expired.output.contains("the data plane"), "\(expired.output)")
                    #expect(expired.output.contains("401"), "\(expired.output)")

                    // A role of that name with other rules, which somebody else keeps.
                    try await there.admin.apply([
                        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                        "metadata": ["name": "squadron"],
                        "rules": [["apiGroups": [""], "resources": ["pods"], "verbs": ["get"]]],
                    ])
                    let other = try await Self.join([], fleet, there)
                    #expect(
                        other.status == 1 && other.output.contains("ClusterRole squadron exists with other rights"),
                        "\(other.output)")
                    #expect(other.output.contains("ServiceAccount squadron (the data plane)"), "\(other.output)")
                    try await there.admin.delete("ClusterRole", "squadron")

                    // An address that only the user reaches.
                    let away = try await Self.join(
                        ["--endpoint", "https://127.0.0.1:1", "--timeout", "3"], fleet, there)
                    #expect(
                        away.status == 1 && away.output.contains("the operator can't reach https://127.0.0.1:1"),
                        "\(away.output)")
                    let mended = try await Self.join([], fleet, there)
                    #expect(mended.status == 0, "\(mended.output)")
                }
            }
        }

        /// The kubeconfig with another user for the context `there`.
        private static func user(_ user: JSON, in config: JSON) -> JSON {
            var config = config
            config["users"] = .array(
                (config["users"]?.array ?? []).map {
                    $0["name"] == "there" ? ["name": "there", "user": user] : $0
                })
            return config
        }
    }
}
