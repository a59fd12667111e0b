import Foundation
import Glibc
import JSON
import Testing

/// A headless Chromium, steered over a pair of pipes (`--remote-debugging-pipe`), so that it opens no port. Killed at the latest
/// when it is freed.
final class Chromium: @unchecked Sendable {  // used by one test at a time
    /// Debian's path. Nil if it is not installed.
    static let path = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }
    struct Failed: Error, CustomStringConvertible { var description: String }

    private let process = Foundation.Process()
    private let folder: TemporaryFolder
    private let input: Int32
    private let output: Int32
    private var rest: [UInt8] = []
    private var lastNumber: Int64 = 0
    private var session: JSON = .null
    /// What the browser has complained of: a script that failed, a policy that was broken.
    private(set) var complaints: [String] = []

    init(folder: TemporaryFolder) throws {
        self.folder = folder
        let pipes = ["in", "out"].map { folder.url.appending(path: "chromium-\($0)").path }
        for pipe in pipes { try #require(mkfifo(pipe, 0o600) == 0) }
        // For both ways, so that neither side waits for the other to open.
        input = Glibc.open(pipes[0], O_RDWR | O_CLOEXEC)
        output = Glibc.open(pipes[1], O_RDWR | O_CLOEXEC | O_NONBLOCK)
        try #require(input >= 0 && output >= 0)
        process.executableURL = URL(filePath: "/bin/bash")
        let profile = folder.url.appending(path: "profile").path
        let options = [
            "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            "--disable-dev-shm-usage", "--remote-debugging-pipe", "--user-data-dir=\(profile)", "about:blank",
        ]
        let script = #"in=$1; out=$2; shift 2; exec "$0" "$@" 3<"$in" 4>"$out""#
        process.arguments = ["-c", script, try #require(Self.path)] + pipes + options
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
        close(input)
        close(output)
    }

    /// Opens a page in a tab of its own.
    func open(_ url: String) async throws {
        let target = try await call("Target.createTarget", ["url": "about:blank"])["targetId"] ?? .null
        let attached = try await call("Target.attachToTarget", ["targetId": target, "flatten": true])
        session = attached["sessionId"] ?? .null
        for method in ["Runtime.enable", "Log.enable", "Page.enable"] { _ = try await call(method) }
        _ = try await call("Page.navigate", ["url": .string(url)])
    }

    /// The value of an expression in the page.
    func value(of expression: String) async throws -> JSON {
        let answer = try await call("Runtime.evaluate", ["expression": .string(expression), "returnByValue": true])
        return answer[path: ["result", "value"]] ?? .null
    }

    private func call(_ method: String, _ parameters: JSON = [:]) async throws -> JSON {
        lastNumber += 1
        var message: JSON = ["id": .int(lastNumber), "method": .string(method), "params": parameters]
        if session != .null { message["sessionId"] = session }
        let bytes = Array(message.serializedString.utf8) + [0]
        try #require(bytes.withUnsafeBytes { write(input, $0.baseAddress, $0.count) } == bytes.count)
        let number = JSON.int(lastNumber)
        while true {
            let answer = try await next()
            if answer["id"] == number {
                if let error = answer["error"] { throw Failed(description: "\(method): \(error.serializedString)") }
                return answer["result"] ?? [:]
            }
            switch answer["method"]?.string {
            case "Runtime.exceptionThrown", "Log.entryAdded": complaints.append(answer.serializedString)
            default: break
            }
        }
    }

    /// The next message: each ends with a zero byte.
    private func next() async throws -> JSON {
        var message: [UInt8]?
        try await eventually("Chromium answers") {
            var buffer = [UInt8](repeating: 0, count: 64 << 10)
            let count = buffer.withUnsafeMutableBytes { read(output, $0.baseAddress, $0.count) }
            if count > 0 { rest += buffer[..<count] }
            guard let end = rest.firstIndex(of: 0) else {
                if !process.isRunning { throw Failed(description: "Chromium has ended") }
                return false
            }
            message = Array(rest[..<end])
            rest.removeFirst(end + 1)
            return true
        }
        return try JSON(parsing: String(decoding: message ?? [], as: UTF8.self))
    }
}
