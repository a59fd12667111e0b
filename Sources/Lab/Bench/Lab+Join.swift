import Foundation
import JSON
import Support

/// Measures `squadron join`: from a cluster with nothing in it to a DataPlane that is Available.
extension Lab {
    func join() async throws {
        var seconds: [Double] = []
        for number in 1...max(1, repeats) {
            let (servers, setup) = try await servers(1)
            defer { servers.end() }
            // Its "control plane" is the bare cluster.
            let bare =
                if let real { try await Servers(realDataPlanes: 0, real) } else {
                    try await Servers(dataPlanes: 1, folder: folder)
                }
            defer { bare.end() }
            if latency > 0 {
                for lab in [servers, bare] {
                    try await lab.control("POST", "/clusters/*/latency", ["latencyMs": .int(Int64(latency))])
                }
            }
            let squadron = try Squadron(kubeconfig: try await setup.kubeconfig(in: folder), folder: folder)
            _ = try await squadron.completes(["dataplane-1"], 0)
            let file = try adminKubeconfig(servers.controlPlane, bare.controlPlane)
            let log = folder.appending(path: "join-\(number).log")
            let start = ContinuousClock.now
            let child = try Child(
                "squadron",
                ["join", "fresh", "--cluster-context", "fresh", "--kubeconfig", file.path, "--label", "fresh"], log: log
            )
            try await child.ends(within: 120)
            seconds.append((ContinuousClock.now - start).seconds)
            try await squadron.child.terminate()
        }
        row("a bare cluster to Available by `squadron join`", "\(format(seconds.median)) s, 1 action", "", nil)
    }

    private func adminKubeconfig(_ controlPlane: Target, _ other: Target) throws -> URL {
        func entries(_ list: String, _ body: (Target) -> JSON) -> JSON {
            .array([("c", controlPlane), ("fresh", other)].map { .object(["name": .string($0.0), list: body($0.1)]) })
        }
        let config: JSON = [
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "contexts": [
                ["name": "c", "context": ["cluster": "c", "user": "c"]],
                ["name": "fresh", "context": ["cluster": "fresh", "user": "fresh"]],
            ],
            "clusters": entries("cluster") {
                [
                    "server": .string($0.url),
                    "certificate-authority-data": .string(Data($0.ca.utf8).base64EncodedString()),
                ]
            },
            "users": entries("user") { ["token": .string($0.token)] },
        ]
        let file = folder.appending(path: "admin-\(UUID().uuidString)")
        guard
            FileManager.default.createFile(
                atPath: file.path, contents: Data(config.serialized()), attributes: [.posixPermissions: 0o600])
        else { throw Child.Failure(description: "can't write \(file.path)") }
        return file
    }
}
