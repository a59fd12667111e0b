import DevCluster
import Foundation
import JSON
import YAML

/// Commands that work in the control plane and in another cluster, with one kubeconfig for both.
enum TwoContexts {
    /// The control plane's kubeconfig with more contexts, named as their clusters.
    static func kubeconfig(_ controlPlane: DevCluster, _ others: [DevCluster]) throws -> JSON {
        var config = try YAML.parse(controlPlane.kubeconfig())
        for cluster in others {
            let other = try YAML.parse(cluster.kubeconfig())
            for (list, part) in [("clusters", "cluster"), ("users", "user"), ("contexts", "context")] {
                var entry = other[list]?[0] ?? [:]
                entry["name"] = .string(cluster.name)
                if list == "contexts" {
                    entry[part] = ["cluster": .string(cluster.name), "user": .string(cluster.name)]
                }
                config[list] = .array((config[list]?.array ?? []) + [entry])
            }
        }
        return config
    }

    static func start(
        _ arguments: [String], _ controlPlane: DevCluster, _ others: [DevCluster], edit: (JSON) -> JSON = { $0 }
    ) throws -> SquadronProcess {
        let folder = try TemporaryFolder()
        let path = folder.url.appending(path: "kubeconfig")
        try Data(YAML.emit(edit(try kubeconfig(controlPlane, others))).utf8).write(to: path)
        return try SquadronProcess(arguments + ["--kubeconfig", path.path], folder: folder)
    }

    static func run(
        _ arguments: [String], _ controlPlane: DevCluster, _ others: [DevCluster], edit: (JSON) -> JSON = { $0 }
    ) async throws -> (status: Int32, output: String) {
        let process = try start(arguments, controlPlane, others, edit: edit)
        try await process.ends(within: .seconds(60))
        return (process.status, process.output)
    }
}

/// Data planes that no fleet knows yet, beside a fleet that is settled.
func withNewcomers(
    _ names: [String], _ body: ([DevCluster]) async throws -> Void
) async throws {
    let servers = try await DevFleet.start(names, options: DevCluster.Options())
    do {
        try await body(servers.clusters)
    } catch {
        await servers.stop()
        throw error
    }
    await servers.stop()
}
