import HTTP
import Support
import TestSupport
import Testing

/// What a server may send over HTTP/2 goes to libcurl and nghttp2. Whatever it is: each exchange ends in its time with an
/// answer or an error, memory is bounded, nothing stays behind, and other servers do not notice.
@Suite("Frames of HTTP/2", .serialized) struct FrameTests {
    private static let limit = 1 << 20
    private static let wait = Duration.milliseconds(300 * patience)

    private static func request(_ url: String) -> HTTPRequest {
        var request = HTTPRequest(.get, url, bearerToken: Sensitive("token-of-a-data-plane"), maximumBodySize: limit)
        request.timeouts = HTTPTimeouts(connect: .seconds(5 * patience), firstByte: wait, idle: wait, total: wait * 4)
        return request
    }

    /// How many bytes came of a whole answer, or why none did.
    private static func send(_ client: HTTPClient, _ url: String) async -> Result<Int, HTTPError> {
        let start = ContinuousClock.now
        let result: Result<Int, HTTPError>
        do throws(HTTPError) {
            result = .success(try await client.send(request(url)).body.count)
        } catch {
            result = .failure(error)
        }
        check(result, start)
        return result
    }

    /// The same of a stream, which is given up after `limit`: then it is not whole.
    private static func read(_ client: HTTPClient, _ url: String) async -> Result<Int, HTTPError> {
        let start = ContinuousClock.now
        let result: Result<Int, HTTPError>
        do throws(HTTPError) {
            var count = 0
            for try await piece in try await client.open(request(url)).body {
                count += piece.count
                if count > limit { throw HTTPError(.bodyTooLarge, "too large", mayHaveBeenProcessed: true) }
            }
            result = .success(count)
        } catch {
            result = .failure(error)
        }
        check(result, start)
        return result
    }

    private static func check(_ result: Result<Int, HTTPError>, _ start: ContinuousClock.Instant) {
        // A stream's first byte, its pieces and its end have their times one after the other.
        #expect(ContinuousClock.now - start < wait * 4 + .seconds(15 * patience))
        guard case .failure(let error) = result else { return }
        switch error.kind {
        case .connectionLost, .timeout, .bodyTooLarge, .other: break
        default: Issue.record("\(error.kind): \(error)")
        }
        #expect(error.message.utf8.count < 1_000 && !error.message.contains("token-of-a-data-plane"))
        #expect(error.message.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control })
    }

    /// Asks a healthy server over the same engine while `body` runs, and gives the longest time that it took.
    private static func neighbour(_ engine: HTTPEngine, _ body: () async throws -> Void) async throws -> Duration {
        let server = try await TestServer.start()
        let worst = Locked(Duration.zero)
        let client = server.client(engine: engine)
        try await running({
            while !Task.isCancelled {
                let start = ContinuousClock.now
                guard (try? await client.send(HTTPRequest(.get, server.url("/echo")))) != nil else {
                    return Task.isCancelled ? () : worst.withLock { $0 = .seconds(1_000) }
                }
                let took = ContinuousClock.now - start
                worst.withLock { $0 = max($0, took) }
                try? await timePasses(.milliseconds(20))
            }
        }) { try await body() }
        client.close()
        await server.stop()
        return worst.withLock { $0 }
    }

    private static func nothingIsLeft(_ engine: HTTPEngine) async {
        let left = await engine.statistics()
        #expect(left == HTTPEngine.Statistics())
        engine.shutdown()
    }

    @Test("Each of the kept answers ends as it must")
    func kept() async throws {
        let engine = HTTPEngine()
        let cases = Locked(FrameCase.all)
        let worst = try await Self.neighbour(engine) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        let server = try await FrameServer()
                        while let next = cases.withLock({ $0.popLast() }) {
                            server.script.withLock { $0 = next.script }
                            let client = server.client(engine)
                            async let whole = Self.send(client, server.url)
                            async let stream = Self.read(client, server.url)
                            for result in [await whole, await stream] {
                                let ended: FrameCase.Outcome = if case .success = result { .answers } else { .fails }
                                #expect(ended == next.outcome || next.outcome == .either, "\(next.name): \(result)")
                            }
                            client.close()
                            await server.connections.wait { $0 == 0 }
                        }
                        await server.stop()
                    }
                }
                try await group.waitForAll()
            }
        }
        // A flood takes the engine's thread until `TurnWatch` ends it, and four of them run at a time.
        #expect(worst < .seconds(10 * patience), "a healthy server's answer took \(worst)")
        await Self.nothingIsLeft(engine)
    }

    @Test("Random answers end in their time, and leave nothing behind")
    func random() async throws {
        let engine = HTTPEngine()
        let workers = 8
        let servers = Locked([FrameServer]())
        for _ in 0..<workers {
            let server = try await FrameServer()
            servers.withLock { $0.append(server) }
        }
        let before = residentMegabytes()
        let worst = try await Self.neighbour(engine) {
            try await fuzz(rounds: 200, workers: workers) { number in
                guard let server = servers.withLock({ $0.popLast() }) else { return }
                server.script.withLock { $0 = FrameMutator.script(number) }
                let client = server.client(engine)
                // Two requests on one connection, and a stream on another.
                async let first = Self.send(client, server.url)
                async let second = Self.send(client, server.url)
                async let stream = Self.read(client, server.url)
                _ = await (first, second, stream)
                // Where the connection still stands, the next request has to end on it as well.
                if number % 4 == 0 { _ = await Self.send(client, server.url) }
                client.close()
                await server.connections.wait { $0 == 0 }
                servers.withLock { $0.append(server) }
            }
        }
        #expect(worst < .seconds(10 * patience), "a healthy server's answer took \(worst)")
        #expect(residentMegabytes() - before < 100 * patience, "\(residentMegabytes() - before) MB more")
        for server in servers.withLock({ $0 }) { await server.stop() }
        await Self.nothingIsLeft(engine)
    }
}

extension FrameServer {
    fileprivate func client(_ engine: HTTPEngine) -> HTTPClient {
        guard let authority = try? TestServer.authority.get() else { return HTTPClient(HTTPClientConfiguration()) }
        let tls = TLSConfiguration(caCertificates: Array(authority.certificatePEM.utf8))
        return HTTPClient(HTTPClientConfiguration(tls: tls), engine: engine)
    }
}
