import Foundation
import HTTP
import Support
import Testing

/// Numbers, not checks: run with SQUADRON_HTTP_BENCH=1. The server is in the same process, so the client's share is
/// that of the threads that aren't NIO's.
@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["SQUADRON_HTTP_BENCH"] != nil))
struct BenchmarkTests {
    @Test("10,000 small GETs, 32 in flight", arguments: [true, false])
    func small(http2: Bool) async throws {
        let server = try await TestServer.start()
        let client = server.client(http2: http2) { $0.maximumConnections = 32 }
        let url = server.url("/bytes/200")
        _ = try await client.send(HTTPRequest(.get, url))
        let cpu = clientCPU()
        let time = try await ContinuousClock().measure {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<32 {
                    group.addTask {
                        for _ in 0..<313 { _ = try await client.send(HTTPRequest(.get, url)) }
                    }
                }
                try await group.waitForAll()
            }
        }
        let used = clientCPU() - cpu
        let count = 32 * 313
        let perSecond = Double(count) / (Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18)
        print("HTTP/\(http2 ? 2 : 1): \(Int(perSecond)) requests/s, \(used / count / 1000) µs client CPU per request")
        await server.stop()
    }

    @Test("A paused stream and silent ones beside it cost no CPU", arguments: [true, false])
    func idle(http2: Bool) async throws {
        let server = try await TestServer.start()
        let client = server.client(http2: http2)
        let paused = try await client.open(HTTPRequest(.get, server.url("/endless")))
        var silent: [HTTPStream] = []
        for _ in 0..<5 { silent.append(try await client.open(HTTPRequest(.get, server.url("/stall")))) }
        try await Task.sleep(for: .seconds(2))
        let cpu = clientCPU()
        try await Task.sleep(for: .seconds(2))
        print("HTTP/\(http2 ? 2 : 1): \((clientCPU() - cpu) / 1000) µs CPU in 2 s beside a paused stream")
        withExtendedLifetime((paused, silent)) {}
        await server.stop()
    }

    @Test("Memory of 300 silent streams", arguments: [true, false])
    func memory(http2: Bool) async throws {
        let server = try await TestServer.start()
        let client = server.client(http2: http2) { $0.maximumConnections = 400 }
        let before = residentKilobytes()
        var silent: [HTTPStream] = []
        for _ in 0..<300 { silent.append(try await client.open(HTTPRequest(.get, server.url("/stall")))) }
        let used = residentKilobytes() - before
        print(
            "HTTP/\(http2 ? 2 : 1): \(used / 300) KB each (both ends), \(server.log.value.connectionsOpen) connections")
        withExtendedLifetime(silent) {}
        await server.stop()
    }

    /// Nanoseconds.
    private func clientCPU() -> Int {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        return tasks.reduce(0) { sum, task in
            let name = (try? String(contentsOfFile: "/proc/self/task/\(task)/comm", encoding: .utf8)) ?? ""
            let times = (try? String(contentsOfFile: "/proc/self/task/\(task)/schedstat", encoding: .utf8)) ?? ""
            return sum + (name.hasPrefix("NIO") ? 0 : times.split(separator: " ").first.flatMap { Int($0) } ?? 0)
        }
    }

    private func residentKilobytes() -> Int {
        let statm = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        return (statm.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4
    }
}
