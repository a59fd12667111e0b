import DevCluster
import Foundation
import JSON
import Testing
import YAML

extension EndToEnd {
    @Suite("squadron join")
    struct Join {
        /// The control plane's kubeconfig with one more context, `there`.
        private static func kubeconfig(_ controlPlane: DevCluster, _ there: DevCluster) throws -> String {
            var config = try YAML.parse(controlPlane.kubeconfig())
            let other = try YAML.parse(there.kubeconfig())
            for (list, part) in [("clusters", "cluster"), ("users", "user"), ("contexts", "context")] {
                var entry = other[list]?[0] ?? [:]
                entry["name"] = "there"
                if list == "contexts" { entry[part] = ["cluster": "there", "user": "there"] }
                config[list] = .array((config[list]?.array ?? []) + [entry])
            }
            return YAML.emit(config)
        }

        private static func join(
            _ arguments: [String], _ fleet: TestFleet<DevCluster>, _ there: DevCluster
        ) async throws -> (status: Int32, output: String) {
            let folder = try TemporaryFolder()
            let path = folder.url.appending(path: "kubeconfig")
            try Data(try kubeconfig(fleet.controlPlane, there).utf8).write(to: path)
            let process = try SquadronProcess(
                ["join", "new", "--cluster-context", "there", "--kubeconfig", path.path] + arguments, folder: folder)
            try await process.ends()
            return (process.status, process.output)
        }

        @Test("From a bare cluster to Available with one command, which can be run again")
        func join() async throws {
            let servers = try await DevFleet.start(["there"], options: DevCluster.Options())
            let there = servers.clusters[0]
            do {
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
                }
            } catch {
                await servers.stop()
                throw error
            }
            await servers.stop()
        }
    }
}
