import ArgumentParser
import Foundation
import HTTP
import JSON
import Kube
import KubeObjects
import RealCluster
import Support

@main
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "squadron-bench",
        abstract: "Measures the operator (a process of its own) against a bare program that sends the same requests.",
        subcommands: [Run.self, Soak.self, Floor.self, WarmFloor.self, SettledFloor.self, Hostile.self, Token.self],
        defaultSubcommand: Run.self)

    struct Run: AsyncParsableCommand {
        @Option(help: "Only scenarios whose name has this in it.") var only: String?
        @Option(help: "Runs of each; the table shows the median.") var repeats = 3
        @Option(help: "Round trips in milliseconds, separated by commas.") var latencies = "0,20"
        @Flag(help: "On devcluster only, even where KUBEBUILDER_ASSETS names real servers.") var devclusterOnly = false
        @Option(help: "How long a settled fleet is watched, in seconds.") var settled = 60.0

        func run() async throws {
            let folder = FileManager.default.temporaryDirectory.appending(path: "squadron-bench-\(UUID().uuidString)")
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            defer { try? FileManager.default.removeItem(at: folder) }
            say("| Scenario | Measured | Target | |\n|---|---|---|---|")
            for latency in latencies.split(separator: ",").compactMap({ Int($0) }) {
                let lab = Lab(folder: folder, latency: latency, repeats: repeats, settledSeconds: settled)
                try await lab.measure(only)
            }
            if !devclusterOnly, let binaries = try KubernetesBinaries.fromEnvironment() {
                try await Lab(folder: folder, latency: 0, repeats: repeats, settledSeconds: settled, real: binaries)
                    .measure(only)
            }
        }
    }
}

/// A line on standard output, at once.
func say(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }

/// The operator as a process.
final class Squadron {
    let child: Child
    private let metricsURL: String
    private let client = HTTPClient(HTTPClientConfiguration(userAgent: "bench-metrics", allowsPlainHTTP: true))
    private let started = ContinuousClock.now
    private let startedAt = WallClock.system.now

    init(kubeconfig: URL, folder: URL, probeInterval: Int = 10) throws {
        let port = try FreePorts.find(1)[0]
        metricsURL = "http://127.0.0.1:\(port)/metrics"
        child = try Child(
            "squadron",
            [
                "run", "--kubeconfig", kubeconfig.path, "--admin-address", "127.0.0.1:\(port)", "--no-leader-election",
                "--probe-interval", "\(probeInterval)", "--log-level", "warning",
            ], log: folder.appending(path: "squadron.log"))
    }

    /// A metric that has a value for each data plane.
    private func metric(_ name: String, _ labels: String = "") async -> [String: Double] {
        guard let response = try? await client.send(HTTPRequest(.get, metricsURL)) else { return [:] }
        var result: [String: Double] = [:]
        for line in String(decoding: response.body, as: UTF8.self).split(separator: "\n")
        where line.hasPrefix(name + "{") && (labels.isEmpty || line.contains(labels)) {
            guard let name = line.split(separator: "\"").dropFirst().first, let value = line.split(separator: " ").last
            else { continue }
            result[String(name)] = Double(value)
        }
        return result
    }

    /// Namespaces in sync by data plane.
    func synced() async -> [String: Int] {
        await metric("squadron_namespaces_synced").mapValues { Int($0) }
    }

    /// The time from the process's start until these data planes have so many namespaces. It takes the operator's own
    /// time, not the time of the question.
    func completes(_ names: [String], _ count: Int, within seconds: Double = 120) async throws -> Duration {
        // The page has some series for each data plane. If it were asked for all the time, that would be measured as the
        // operator's own work.
        let pause = max(0.1, Double(names.count) / 400)
        do {
            try await wait("\(count) namespaces on \(names.count) data planes", seconds, every: pause) {
                let synced = await synced()
                return names.allSatisfy { synced[$0] == count }
            }
        } catch {
            throw Child.Failure(description: "\(error); \(await synced()); \(child.output.suffix(2000))")
        }
        let seen = ContinuousClock.now - started
        let times = await metric("squadron_last_sync_timestamp_seconds")
        guard count > 0 else { return seen }
        guard let last = names.compactMap({ times[$0] }).max() else {
            throw Child.Failure(description: "the operator does not say when it was last in sync")
        }
        return .seconds(last - startedAt.secondsSince1970)
    }
}
