import Foundation
import RealCluster

/// One of our programs, beside this one. It is killed when it is released, and when this program ends in any way.
final class Child {
    struct Failure: Error, CustomStringConvertible { var description: String }
    private let process: ChildProcess
    let log: URL
    let id: Int32
    var isRunning: Bool { process.isRunning }

    init(_ name: String, _ arguments: [String], log: URL) throws {
        self.log = log
        try Data().write(to: log)
        let path = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: name).path
        process = try ChildProcess(path, arguments, logPath: log.path)
        id = process.pid ?? 0
    }

    var output: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

    func kill() { process.end() }

    /// Sends SIGTERM and waits for the end.
    func terminate() async throws {
        process.signal(SIGTERM)
        try await wait("the end of \(log.lastPathComponent)", 30) { !process.isRunning }
        process.end()
    }

    func ends(within seconds: Double) async throws {
        try await wait("the end of \(log.lastPathComponent)", seconds, every: 0.001) { !process.isRunning }
        let code = process.exitCode
        process.end()
        guard code == 0 else { throw Failure(description: output) }
    }

    /// CPU time so far, user and system.
    var cpu: Duration {
        let text = (try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8)) ?? ""
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return .zero }
        return .seconds((user + system) / Double(sysconf(Int32(_SC_CLK_TCK))))
    }

    /// In MB: resident memory now and at its peak, and the anonymous memory in it.
    var memory: (now: Double, peak: Double, anonymous: Double) {
        let text = (try? String(contentsOfFile: "/proc/\(id)/status", encoding: .utf8)) ?? ""
        func value(_ key: String) -> Double {
            let line = text.split(separator: "\n").first { $0.hasPrefix(key) }
            return
                (line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Double($0) } ?? 0)
                / 1024
        }
        return (value("VmRSS:"), value("VmHWM:"), value("RssAnon:"))
    }

    /// Open sockets. `unix` are pairs that libcurl makes to wake itself: two for each multi handle.
    var sockets: (tcp: Int, unix: Int) {
        let folder = "/proc/\(id)/fd"
        let inodes = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).compactMap {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)"))
                .flatMap { $0.hasPrefix("socket:[") ? String($0.dropFirst(8).dropLast()) : nil }
        }
        func listed(_ table: String) -> [Substring] {
            // It reads by a handle, since the kernel gives these tables in pieces and `String(contentsOfFile:)` reads one piece.
            let data = try? FileHandle(forReadingAtPath: "/proc/\(id)/net/\(table)")?.readToEnd()
            let text = String(decoding: data ?? Data(), as: UTF8.self)
            // The tenth field is the inode.
            return text.split(separator: "\n").dropFirst().compactMap { $0.split(separator: " ").dropFirst(9).first }
        }
        let known = Set((listed("tcp") + listed("tcp6")).map(String.init))
        let tcp = inodes.count { known.contains($0) }
        return (tcp, inodes.count - tcp)
    }
}

/// Checks until the condition holds.
func wait(_ what: String, _ seconds: Double, every: Double = 0.01, _ holds: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(seconds)
    while try await !holds() {
        guard ContinuousClock.now < end else { throw Child.Failure(description: "not in time: \(what)") }
        try await Task.sleep(for: .seconds(every))
    }
}

extension Duration {
    var milliseconds: Double { seconds * 1000 }
}

extension [Double] {
    /// The percentile of the sorted values; 0 if there are none.
    func percentile(_ fraction: Double) -> Double {
        guard !isEmpty else { return 0 }
        return sorted()[
            Swift.min(
                count - 1,
                Int((Double(count) * fraction).rounded(.up)) - 1 < 0
                    ? 0 : Int((Double(count) * fraction).rounded(.up)) - 1)]
    }
    var median: Double { percentile(0.5) }
}

func format(_ value: Double, _ digits: Int = 2) -> String { String(format: "%.\(digits)f", value) }
