import DevCluster
import Foundation
import JSON
import Testing
import YAML

extension EndToEnd.Commands {
    /// The commands beside `run`, as processes.
    @Suite("The commands")
    struct ReadingCommands {
        /// Runs a command with an administrator's kubeconfig of the control plane.
        private func squadron(
            _ arguments: [String], _ fleet: TestFleet<DevCluster>, edit: (String) -> String = { $0 }
        ) async throws -> (status: Int32, output: String) {
            let folder = try TemporaryFolder()
            let path = folder.url.appending(path: "kubeconfig")
            try Data(edit(try fleet.controlPlane.kubeconfig()).utf8).write(to: path)
            let process = try SquadronProcess(arguments + ["--kubeconfig", path.path], folder: folder)
            try await process.ends()
            return (process.status, process.output)
        }

        @Test("status and why describe a fleet, and need no running operator")
        func told() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    try await fleet.reports(
                        "ExecutionClusterLabel", "project1-development", "NamespaceSynced", "InSync")
                }
                let status = try await squadron(["status"], fleet)
                #expect(status.status == 0 && status.output.contains("1 of 1 data planes Ready"), "\(status.output)")
                let json = try JSON(parsing: try await squadron(["status", "-o", "json"], fleet).output)
                #expect(json["dataPlanes"]?[0]?["name"] == "dataplane-1")
                let why = try await squadron(["why", "project1-development"], fleet)
                #expect(why.status == 0 && why.output.contains("InSync"), "\(why.output)")
                let nobody = try await squadron(["why", "nobody/development"], fleet)
                #expect(nobody.status == 3 && nobody.output.contains("nothing wants it"), "\(nobody.output)")
                #expect(!status.output.contains("\u{1B}"))
            }
        }

        @Test("orphans looks into the data planes, and names those that it can't reach")
        func orphans() async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.applyBasics()
                for project in ["stays", "goes"] { try await fleet.admin.apply(assignment(project, "development")) }
                try await fleet.operating { _ in try await fleet.settles(2) }
                let none = try await squadron(["orphans"], fleet)
                #expect(none.status == 0, "\(none.output)")
                try await fleet.admin.delete("ExecutionClusterLabel", "goes-development")
                let found = try await squadron(["orphans", "-o", "json"], fleet)
                #expect(found.status == 3, "\(found.output)")
                let orphans = try JSON(parsing: found.output)["orphans"]?.array ?? []
                #expect(orphans.map { $0["namespace"]?.string } == ["goes-development", "goes-development"])
                #expect(try await fleet[1].admin.get("Namespace", "goes-development") != nil)
                let away = fleet.dataPlane(2, ["endpoint": "https://127.0.0.1:1"])
                try await fleet.admin.apply(away)
                let failed = try await squadron(["orphans"], fleet)
                #expect(
                    failed.status == 1 && failed.output.contains("dataplane-2: could not be read"), "\(failed.output)")
                #expect(failed.output.contains("goes-development"))
            }
        }

        @Test("rbac prints rights that an API server takes")
        func rbac() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                let printed = try await squadron(["rbac"], fleet)
                #expect(printed.status == 0, "\(printed.output)")
                let documents = try YAML.documents(printed.output).map { try $0.json() }
                #expect(documents.contains { $0["kind"] == "Role" })
                try await fleet.admin.apply(documents)
            }
        }

        @Test("A credential plugin serves the commands, and not the operator")
        func plugin() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                func withPlugin(_ config: String) -> String {
                    let token = fleet.controlPlane.adminToken
                    let answer: JSON = [
                        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                        "status": ["token": .string(token)],
                    ]
                    let user: JSON = [
                        "exec": [
                            "apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/echo",
                            "args": [.string(answer.serializedString)], "interactiveMode": "Never",
                        ]
                    ]
                    let lines = config.split(separator: "\n", omittingEmptySubsequences: false)
                    let end = lines.firstIndex { $0.hasSuffix("  user:") } ?? 0
                    return lines[..<end].joined(separator: "\n") + "\n  user: \(user.serializedString)\n"
                }
                let status = try await squadron(["status"], fleet, edit: withPlugin)
                #expect(status.status == 0 && status.output.contains("dataplane-1"), "\(status.output)")
                let explained = try await squadron(["explain", "-p", "a", "-d", "b"], fleet, edit: withPlugin)
                #expect(explained.status == 0, "\(explained.output)")
                let run = try await squadron(["run"], fleet, edit: withPlugin)
                #expect(run.status == 2 && run.output.contains("exec: is not supported"), "\(run.output)")
                let broken = try await squadron(["status"], fleet) {
                    withPlugin($0).replacing("/bin/echo", with: "/bin/false")
                }
                #expect(broken.status == 1 && broken.output.contains("the credential plugin /bin/false"))
            }
        }

        @Test("Help has examples and exit codes, and wrong usage ends with 2")
        func help() async throws {
            let folder = try TemporaryFolder()
            for (arguments, status, words) in [
                (["status", "--help"], 0, "EXIT CODES"), (["why", "--help"], 0, "squadron why team1/production"),
                (["why"], 2, "subject"), (["why", "a/b/c"], 2, "neither NAMESPACE nor PROJECT/DOMAIN"),
                (["status", "-o", "xml"], 2, "xml"), (["status", "--namespace", ""], 2, "--namespace is empty"),
                (["status", "--kubeconfig", "/does/not/exist"], 2, "/does/not/exist"),
                (["explain", "-p", "a"], 2, "--domain is missing"),
                (["explain", "--all", "-p", "a"], 2, "--all is instead of --project"),
                (["completion", "bash"], 0, "complete"), (["completion", "fish"], 0, "squadron"),
                (["completion", "tcsh"], 2, "tcsh"),
            ] as [([String], Int32, String)] {
                let process = try SquadronProcess(arguments, folder: folder)
                try await process.ends()
                #expect(process.status == status, "\(arguments): \(process.output)")
                #expect(process.output.contains(words), "\(arguments): \(process.output)")
            }
        }

        @Test("A file that is missing, or that is no YAML, is wrong usage of every command")
        func missingFiles() async throws {
            let folder = try TemporaryFolder()
            let bad = folder.url.appending(path: "bad.yaml")
            try Data("a: [".utf8).write(to: bad)
            let commands = [
                ["diff", "-f"], ["explain", "--all", "-f"], ["import", "--clusters"],
                ["import", "--cluster-resources"],
                ["import", "check", "--attributes"],
            ]
            for command in commands {
                for file in ["/does/not/exist", bad.path] {
                    let process = try SquadronProcess(command + [file], folder: folder)
                    try await process.ends()
                    #expect(process.status == 2, "\(command) \(file): \(process.output)")
                    #expect(process.output.contains(file), "\(command): \(process.output)")
                }
            }
        }
    }
}
