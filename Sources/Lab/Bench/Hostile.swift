import ArgumentParser
import Foundation
import JSON
import Kube
import Support

/// Some data planes send all that they can, all at once, for minutes. The operator has little memory, and the other data
/// planes must stay in sync and prompt.
struct Hostile: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Hostile data planes, an operator with little memory, and how prompt the others are.")
    @Option(help: "For how long.") var minutes = 5.0
    @Option(help: "Data planes.") var dataPlanes = 10
    @Option(help: "How many of them are hostile.") var hostile = 3
    @Option(help: "Memory of the operator in MB, in a cgroup.") var memory = 512
    @Option(help: "Only the faults whose name has this in it.") var only = ""

    /// Each is a rule for some requests of the operator.
    static let faults: [JSON] = [
        ["fault": "event-flood", "bytes": 1_000_000, "perSecond": 20, "match": ["resources": ["namespaces"]]],
        ["fault": "event-flood", "bytes": 0, "match": ["resources": ["serviceaccounts"]]],
        ["fault": "event-flood", "bytes": 100, "growing": true, "match": ["resources": ["resourcequotas"]]],
        ["fault": "endless-pages", "objects": 500, "bytes": 10_000, "rate": 0.5],
        ["fault": "endless-pages", "objects": 500, "bytes": 10, "rate": 0.5],
        ["fault": "endless-kinds", "kinds": 2_000],
        ["fault": "endless-body", "bytes": 1_000_000_000, "rate": 0.3, "match": ["verbs": ["patch"]]],
        ["fault": "endless-line", "bytes": 1_000_000_000, "rate": 0.1, "match": ["verbs": ["get", "create"]]],
    ]

    func run() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "squadron-hostile-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(at: folder) }
        let servers = try await Servers(dataPlanes: dataPlanes, hostile: hostile, folder: folder)
        defer { servers.end() }
        let setup = Setup(servers: servers)
        try await setup.run()
        let squadron = try Squadron(
            kubeconfig: try await setup.kubeconfig(in: folder), folder: folder, probeInterval: 2)
        let cgroup = MemoryCgroup(of: squadron.child.id, megabytes: memory)
        defer {
            squadron.child.kill()
            cgroup?.remove()
        }
        say("hostile: the limit of \(memory) MB is \(cgroup == nil ? "not set (no memory cgroup here)" : "set")")

        let names = servers.dataPlanes.map(\.name)
        let (good, bad) = (Array(names.dropLast(hostile)), names.suffix(hostile))
        let start = 20
        try await setup.want(start, prefix: "s")
        _ = try await squadron.completes(names, start)
        say("hostile: before: \(format(squadron.child.memory.now, 0)) MB resident")
        for name in bad {
            for var rule in Self.faults where rule["fault"]?.string?.contains(only) != false || only.isEmpty {
                rule["cluster"] = .string(name)
                rule[path: ["match", "userAgent"]] = "squadron"
                try await servers.control("POST", "/faults", rule, ofHostile: true)
            }
            try await servers.control("POST", "/clusters/\(name)/end-watches", ["how": "gone"], ofHostile: true)
        }
        var latencies: [Double] = []
        var (count, most, last) = (start, 0.0, ContinuousClock.now)
        let cpu = squadron.child.cpu
        let began = ContinuousClock.now
        let client = servers.controlPlane.client
        while ContinuousClock.now - began < .seconds(minutes * 60) {
            count += 1
            let asked = ContinuousClock.now
            try await Setup.apply(Setup.assignment("h\(count)"), to: client)
            try await wait("\(count) namespaces on the good data planes", 60, every: 0.02) {
                guard squadron.child.isRunning else {
                    throw Child.Failure(description: "the operator died: \(squadron.child.output.suffix(4_000))")
                }
                let synced = await squadron.synced()
                return good.allSatisfy { synced[$0] == count }
            }
            latencies.append((ContinuousClock.now - asked).milliseconds)
            most = max(most, squadron.child.memory.now)
            if ContinuousClock.now - last > .seconds(20) {
                last = .now
                say("hostile: \(count) namespaces, \(format(squadron.child.memory.now, 0)) MB resident")
            }
            try await Task.sleep(for: .milliseconds(500))
        }
        let took = (ContinuousClock.now - began).seconds
        say(
            "hostile: a new project-domain on \(good.count) good data planes: median \(format(latencies.median, 0)) ms, "
                + "95 % \(format(latencies.percentile(0.95), 0)) ms, worst \(format(latencies.max() ?? 0, 0)) ms "
                + "(\(latencies.count) of them)")
        say(
            "hostile: resident memory at most \(format(squadron.child.memory.peak, 0)) MB, "
                + "\(format((squadron.child.cpu - cpu).seconds / took * 100, 0)) % of a CPU")
        for name in bad {
            let object = try await client.get(
                Setup.type("DataPlane", "multicluster.flyte.org/v1alpha1"), namespace: "flyte", name: name)
            for condition in object[path: ["status", "conditions"]]?.array ?? [] where condition["status"] == "False" {
                say(
                    "hostile: \(name): \(condition["type"]?.string ?? ""): \(condition["reason"]?.string ?? ""): "
                        + "\(condition["message"]?.string ?? "")")
            }
        }
    }
}

/// A limit for the memory of one process, where this process may set one.
struct MemoryCgroup {
    private let folder: String

    /// Nil if there is no memory cgroup, or it can't be changed.
    init?(of process: Int32, megabytes: Int) {
        let version1 = FileManager.default.fileExists(atPath: "/sys/fs/cgroup/memory")
        folder = (version1 ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup") + "/squadron-hostile-\(process)"
        let limit = folder + (version1 ? "/memory.limit_in_bytes" : "/memory.max")
        guard
            (try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)) != nil,
            Self.write("\(megabytes << 20)", limit), Self.write("\(process)", folder + "/cgroup.procs")
        else {
            rmdir(folder)
            return nil
        }
    }

    /// The process must have ended.
    func remove() { rmdir(folder) }

    private static func write(_ text: String, _ path: String) -> Bool {
        guard let file = FileHandle(forWritingAtPath: path) else { return false }
        return (try? file.write(contentsOf: Data(text.utf8))) != nil
    }
}
