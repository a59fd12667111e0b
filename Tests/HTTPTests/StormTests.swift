import HTTP
import Support
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(patience))) struct StormTests {
    @Test(
        "Hundreds of requests that hang, end early, time out or are cancelled all end",
        arguments: [true, false])
    func storm(http2: Bool) async throws {
        let server = try await TestServer.start()
        let relay = try await Relay(.to(port: server.port))
        let engine = HTTPEngine()
        let client = server.client(http2: http2, engine: engine) { $0.maximumConnections = 4 }
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<400 {
                group.addTask {
                    let paths = [
                        "/echo", "/bytes/300000", "/hang", "/stall", "/endless", "/reset", "/pieces/3/5", "/status/404",
                    ]
                    var request = HTTPRequest(
                        index % 3 == 0 ? .post : .get, "https://127.0.0.1:\(relay.port)\(paths[index % paths.count])",
                        maximumBodySize: 200_000)
                    request.timeouts.connect = .seconds(5)
                    request.timeouts.firstByte = .milliseconds(Int.random(in: 50...1500))
                    request.timeouts.idle = .milliseconds(Int.random(in: 50...500))
                    request.timeouts.total = .seconds(10)
                    let made = request
                    let task = Task {
                        if index % 2 == 0 {
                            _ = try await client.send(made)
                        } else {
                            var left = Int.random(in: 0...20)
                            for try await _ in try await client.open(made).body {
                                left -= 1
                                if left < 0 { break }
                            }
                        }
                    }
                    if index % 5 == 0 {
                        try? await timePasses(.milliseconds(Int.random(in: 0...300)))
                        task.cancel()
                    }
                    if index == 200 { relay.blackHole() }
                    _ = await task.result
                }
            }
        }
        #expect(try await client.send(HTTPRequest(.get, server.url("/echo"))).status == 200)
        let statistics = try #require(await engine.statistics())
        #expect(statistics.transfers == 0 && statistics.easyHandles <= 8 && statistics.multiHandles <= 2)
        client.close()
        #expect(await engine.statistics()?.easyHandles == 0)
        engine.shutdown()
        await relay.stop()
        await server.stop()
    }
}
