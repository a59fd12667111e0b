import DevCluster
import Foundation
import JSON
import Testing

extension EndToEnd.Commands {
    /// The binary itself, as a process of its own.
    @Suite("The process")
    struct Process {
        @Test("kill -9 in the middle of a sync: a restart converges and repeats no synced write")
        func killed() async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.applyBasics()
                for server in fleet.dataPlanes {
                    server.faults.add(.latency(.milliseconds(60)), match: .init(verbs: ["patch"]))
                }
                for number in 1...60 { try await fleet.admin.apply(assignment("p\(number)", "development")) }
                let first = try await fleet.startProcess()
                try await eventually("a part is written") {
                    (20...110).contains(fleet[1].requestLog.writes(to: ["namespaces", "serviceaccounts"]))
                }
                first.kill()
                for server in fleet.dataPlanes { server.faults.removeAll() }
                try await eventually("what was in flight has ended") {
                    fleet.dataPlanes.allSatisfy { $0.requestLog.inFlight.now == 0 }
                }
                let unfinished = fleet.dataPlanes.map { $0.requestLog.count(verb: "patch", userAgent: "squadron") }
                #expect(unfinished.allSatisfy { $0 < 120 }, "it was killed in the middle: \(unfinished)")
                for server in fleet.dataPlanes { server.requestLog.reset() }
                let before = try await fleet.uids()
                let second = try await fleet.startProcess()
                try await fleet.settles(60)
                try await second.terminate()
                #expect(
                    try await fleet.uids().filter { before.keys.contains($0.key) } == before, "something was made anew")
                for (server, unfinished) in zip(fleet.dataPlanes, unfinished) {
                    // Those that were in flight may be written again: their answers were lost. 32 at the most.
                    let written = server.requestLog.writes(to: ["namespaces", "serviceaccounts"])
                    #expect(
                        (120 - unfinished...120 - unfinished + 32).contains(written), "\(written) after \(unfinished)")
                }
            }
        }

        @Test(
            "kill -9 at random points of a sync: it converges, nothing is twice or left over",
            arguments: [1, 2, 3] as [UInt64])
        func killedAtRandom(seed: UInt64) async throws {
            var random = Dice(state: seed)
            let seconds: ClosedRange<Int> = 0...30
            try await withFleet(of: 2) { fleet in
                try await fleet.applyBasics()
                for server in fleet.dataPlanes {
                    server.faults.add(
                        .latency(.milliseconds(10), jitter: .milliseconds(40)), match: .init(verbs: ["patch"]))
                }
                let names = (1...40).map { "p\($0)" }
                for name in names { try await fleet.admin.apply(assignment(name, "development")) }
                var known: [String: String] = [:]
                for kill in 1...5 {
                    func written() -> Int {
                        fleet.dataPlanes.reduce(0) { $0 + $1.requestLog.writes(to: ["namespaces", "serviceaccounts"]) }
                    }
                    let target = written() + Int.random(in: seconds, using: &random)
                    let squadron = try await fleet.startProcess()
                    try await eventually("write \(target)") {
                        let isComplete = try await fleet.uids().count == 4 * names.count
                        return written() >= target || isComplete
                    }
                    squadron.kill()
                    let uids = try await fleet.uids()
                    let again = known.filter { uids[$0.key] != $0.value }
                    #expect(again.isEmpty, "seed \(seed), kill \(kill): made anew: \(again.keys.sorted())")
                    known = uids
                }
                let last = try await fleet.startProcess()
                try await eventually("it is at work") {
                    fleet.dataPlanes.allSatisfy { server in
                        last.output.split(separator: "\n").contains {
                            $0.contains("gate") && $0.contains(server.name) && $0.contains("writes=true")
                        }
                    }
                }
                try await fleet.settles(names.count)
                try await last.terminate()
                let uids = try await fleet.uids()
                let expected = fleet.dataPlanes.flatMap { server in
                    names.flatMap {
                        [
                            "\(server.name)/Namespace//\($0)-development",
                            "\(server.name)/ServiceAccount/\($0)-development/default",
                        ]
                    }
                }
                #expect(Set(uids.keys) == Set(expected), "seed \(seed)")
                #expect(known.allSatisfy { uids[$0.key] == $0.value }, "seed \(seed): something was made anew")
                for number in 1...2 {
                    for name in names {
                        #expect(try await fleet.annotation(number, "\(name)-development") == fleet.role)
                    }
                }
            }
        }

        private struct Dice: RandomNumberGenerator {
            var state: UInt64
            mutating func next() -> UInt64 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return state ^ (state >> 33)
            }
        }

        @Test("A leader that is paused in a sync and wakes without its Lease writes no more")
        func pausedLeader() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                let slow = fleet[1].faults.add(.latency(.milliseconds(300)), match: .init(verbs: ["patch"]))
                for number in 1...100 { try await fleet.admin.apply(assignment("p\(number)", "development")) }
                // With more than the usual flags it takes part in the election, with the usual 15 s.
                let first = try await fleet.startProcess(["--log-format", "text"])
                try await eventually("it is in the middle") {
                    fleet[1].requestLog.writes(to: ["namespaces", "serviceaccounts"]) >= 20
                }
                kill(first.identifier, SIGSTOP)
                let holder = try await fleet.holder()
                fleet[1].faults.remove(slow)
                let second = try await fleet.startProcess(["--log-format", "text"])
                try await eventually("the Lease is taken", within: .seconds(40)) {
                    let now = try await fleet.holder()
                    return now != "" && now != holder
                }
                // Something that the paused one would do otherwise, if it thought that it still led.
                try await fleet.admin.merge(
                    "ClusterRegistry", "flyte", ["spec": ["workloadIdentity": ["aws": ["roleARN": "arn:new"]]]])
                try await fleet.settles(100)
                try await eventually("all have the new role") {
                    for number in 1...100 {
                        guard try await fleet.annotation(1, "p\(number)-development") == "arn:new" else { return false }
                    }
                    return true
                }
                let log = fleet.controlPlane.requestLog
                try await waitForQuiet(for: .milliseconds(700), "all of it is reported", on: log) {
                    log.writesOfStatus == 0
                }
                fleet[1].requestLog.reset()
                fleet.controlPlane.requestLog.reset()
                kill(first.identifier, SIGCONT)
                // Three seconds of its life. In the first of them it sees the change and what the other one wrote.
                let knows = ContinuousClock.now + .seconds(3)
                try await eventually("it knows that it leads no more") {
                    first.output.contains("lost the lease") && ContinuousClock.now > knows
                }
                let written = [fleet[1], fleet.controlPlane].map { server in
                    server.requestLog.counts.filter {
                        $0.key.verb == "patch" && $0.key.userAgent.contains("squadron")
                    }
                }
                #expect(written.allSatisfy { $0.isEmpty }, "it wrote \(written)")
                #expect(try await fleet.annotation(1, "p1-development") == "arn:new")
                try await first.terminate()
                try await second.terminate()
            }
        }

        @Test("SIGTERM ends it with 0 and the lease released")
        func terminated() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                let squadron = try await fleet.startProcess()
                try await fleet.settles(1)
                try await squadron.terminate()
                #expect(try await fleet.holder() == "")
            }
        }

        @Test("Nobody else can read its memory, it dumps no core and may open all its files")
        func hardened() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                let squadron = try await fleet.startProcess(["--probe-interval", "1s", "--no-leader-election"])
                try await eventually("it is at work") { squadron.output.contains("writes=true") }
                let limits = try String(contentsOfFile: "/proc/\(squadron.identifier)/limits", encoding: .utf8)
                let values = limits.split(separator: "\n").reduce(into: [String: [Substring]]()) { all, line in
                    all[String(line.prefix(26)).trimmingCharacters(in: .whitespaces)] =
                        line.dropFirst(26).split(separator: " ")
                }
                #expect(values["Max core file size"]?.prefix(2) == ["0", "0"])
                #expect(values["Max open files"].map { $0[0] == $0[1] } == true)
                // In /proc a process that is not dumpable belongs to root, whatever user runs it.
                let owner = try FileManager.default.attributesOfItem(atPath: "/proc/\(squadron.identifier)/limits")
                #expect(owner[.ownerAccountID] as? Int == 0)
                #expect(!squadron.output.contains("can't be forbidden") && !squadron.output.contains("can't be raised"))
                try await squadron.terminate()
            }
        }

        @Test("Wrong usage, an unusable kubeconfig or a taken address ends it with a message")
        func usage() async throws {
            let folder = try TemporaryFolder()
            let bad = folder.url.appending(path: "bad.kubeconfig")
            try Data("clusters: 5".utf8).write(to: bad)
            for (arguments, status, words) in [
                (["run", "--probe-interval", "0"], 2, "--probe-interval"),
                (["run", "--nonsense"], 2, "--nonsense"),
                (["run", "--namespace", ""], 2, "--namespace"),
                (["run", "--admin-address", "nowhere"], 2, "--admin-address"),
                (["run", "--kubeconfig", "/does/not/exist"], 2, "/does/not/exist"),
                (["run", "--kubeconfig", bad.path], 2, "clusters"),
                (["run", "--metrics-address", "::1:80"], 2, "--metrics-address"),
                (["run", "--probe-interval", "2h"], 2, "--probe-interval"),
                (["--version"], 0, "0."),
                (["version"], 0, "squadron 0."),
            ] as [([String], Int32, String)] {
                let squadron = try SquadronProcess(arguments, folder: folder)
                try await squadron.ends()
                #expect(squadron.status == status, "\(arguments): \(squadron.output)")
                #expect(squadron.output.contains(words), "\(arguments): \(squadron.output)")
            }
        }
    }
}

final class TemporaryFolder: Sendable {
    let url = FileManager.default.temporaryDirectory.appending(path: "squadron-\(UUID().uuidString)")
    init() throws {
        try FileManager.default.createDirectory(
            at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }
    deinit { try? FileManager.default.removeItem(at: url) }
}

/// `squadron` as a child process, killed at the latest when it is freed.
final class SquadronProcess: @unchecked Sendable {  // used by one test at a time
    private let process = Foundation.Process()
    private let file: URL
    private let folder: TemporaryFolder
    private static let binary = Bundle.main.executableURL?.deletingLastPathComponent().appending(path: "squadron")

    init(_ arguments: [String], folder: TemporaryFolder) throws {
        self.folder = folder
        file = folder.url.appending(path: "output-\(UUID().uuidString)")
        try Data().write(to: file)
        let beside = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "squadron")
        let found = [Self.binary, beside].compactMap { $0 }.first {
            FileManager.default.isExecutableFile(atPath: $0.path)
        }
        let binary: URL = try #require(found, "build the product squadron first")
        process.executableURL = binary
        process.arguments = arguments
        let output = try FileHandle(forWritingTo: file)
        process.standardOutput = output
        process.standardError = output
        try process.run()
    }

    deinit { if process.isRunning { kill() } }

    var output: String { (try? String(contentsOf: file, encoding: .utf8)) ?? "" }
    var status: Int32 { process.terminationStatus }
    var identifier: Int32 { process.processIdentifier }

    func kill() {
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    func ends(within limit: Duration = .seconds(20)) async throws {
        try await eventually("the process ends", within: limit) { !process.isRunning }
    }

    /// SIGTERM; expects a good end.
    func terminate() async throws {
        process.terminate()
        try await ends()
        #expect(status == 0, "\(output)")
    }
}

extension RequestLog {
    /// Writes of custom resources' statuses by the operator.
    fileprivate var writesOfStatus: Int {
        counts.reduce(0) { sum, entry in
            let counts = entry.key.resource.hasSuffix("/status") && entry.key.userAgent.contains("squadron")
            return counts ? sum + entry.value : sum
        }
    }
}

extension TestFleet<DevCluster> {
    /// `squadron run` with the operator's own account.
    func startProcess(_ more: [String] = []) async throws -> SquadronProcess {
        let folder = try TemporaryFolder()
        let path = folder.url.appending(path: "kubeconfig")
        try Data(try controlPlane.kubeconfig(.token(try await admin.token(of: "squadron"))).utf8).write(to: path)
        return try SquadronProcess(
            [
                "run", "--namespace", "flyte", "--kubeconfig", path.path, "--admin-address", "127.0.0.1:0",
                "--no-leader-election", "--probe-interval", "1", "--log-level", "debug",
            ].filter { more.isEmpty || $0 != "--no-leader-election" } + more, folder: folder)
    }

    /// The UIDs of all managed objects of all data planes.
    func uids() async throws -> [String: String] {
        var result: [String: String] = [:]
        for server in dataPlanes {
            for kind in ["Namespace", "ServiceAccount"] {
                for object in try await server.admin.list(kind)
                where object[path: ["metadata", "labels", "app.kubernetes.io/managed-by"]] == "squadron" {
                    let metadata = object["metadata"]
                    let key = [
                        server.name, kind, metadata?["namespace"]?.string ?? "", metadata?["name"]?.string ?? "",
                    ]
                    result[key.joined(separator: "/")] = metadata?["uid"]?.string
                }
            }
        }
        return result
    }
}
