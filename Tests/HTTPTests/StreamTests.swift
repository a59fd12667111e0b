import Glibc
import HTTP
import Support
import TestSupport
import Testing

/// Whether the bytes are those of `/numbered` from `start` on. memcmp: a loop over tens of megabytes is slow in a debug
/// build.
private func isNumbered(_ bytes: [UInt8], from start: Int) -> Bool {
    bytes.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { return true }
        var position = 0
        while position < bytes.count {
            let number = (start + position) / 16_384
            let count = min((number + 1) * 16_384 - start, bytes.count) - position
            let run = base + position
            // All of a run are equal if each is like the one after it.
            guard bytes[position] == UInt8(number % 251), memcmp(run, run + 1, count - 1) == 0 else { return false }
            position += count
        }
        return true
    }
}

@Suite(.timeLimit(.minutes(patience))) struct StreamTests {
    @Test("open returns with the head, and the pieces come as they are sent", arguments: [true, false])
    func pieces(http2: Bool) async throws {
        let server = try await TestServer.start()
        let stream = try await server.client(http2: http2).open(HTTPRequest(.get, server.url("/pieces/5/20")))
        #expect(stream.status == 200)
        var text = ""
        var count = 0
        for try await piece in stream.body {
            text += String(decoding: piece, as: UTF8.self)
            count += 1
        }
        #expect(text == "piece 5\npiece 4\npiece 3\npiece 2\npiece 1\n")
        #expect(count > 1)
        await server.stop()
    }

    @Test(
        "Cancelling the reader of a silent watch frees it at once and closes the stream",
        arguments: [true, false])
    func cancel(http2: Bool) async throws {
        let server = try await TestServer.start()
        let client = server.client(http2: http2)
        for path in ["/stall", "/hang"] {
            let waiting = Observed(false)
            let task = Task {
                // Cancelled by the test below; awaited there.
                if path == "/hang" { waiting.update { $0 = true } }
                let stream = try await client.open(HTTPRequest(.get, server.url(path)))
                for try await _ in stream.body { waiting.update { $0 = true } }
            }
            await waiting.wait { $0 }
            await server.log.wait { $0.exchangesOpen == 1 }
            let clock = ContinuousClock()
            let start = clock.now
            task.cancel()
            let result = await task.result
            #expect(clock.now - start < .seconds(1))
            #expect(throws: HTTPError.self) { try result.get() }
            await server.log.wait { $0.exchangesOpen == 0 }
        }
        await server.stop()
    }

    @Test("A cancelled stream is ended at the server while others on the connection go on")
    func cancelAmongOthers() async throws {
        let server = try await TestServer.start()
        let client = server.client()
        let other = try await client.open(HTTPRequest(.get, server.url("/pieces/50/20")))
        let cancelled = Task {
            for try await _ in try await client.open(HTTPRequest(.get, server.url("/stall"))).body {}
        }
        await server.log.wait { $0.exchangesOpen == 2 }
        cancelled.cancel()
        await server.log.wait { $0.exchangesOpen == 1 }
        var size = 0
        for try await piece in other.body { size += piece.count }
        #expect(size == 41 * 9 + 9 * 8)
        #expect(server.log.value.connectionsAccepted == 1)
        await server.stop()
    }

    @Test("Releasing a body ends its transfer", arguments: [true, false])
    func dropped(http2: Bool) async throws {
        let server = try await TestServer.start()
        let client = server.client(http2: http2)
        do {
            let stream = try await client.open(HTTPRequest(.get, server.url("/endless")))
            var iterator = stream.body.makeAsyncIterator()
            #expect(try await iterator.next(isolation: nil) != nil)
            #expect(server.log.value.exchangesOpen == 1)
        }
        await server.log.wait { $0.exchangesOpen == 0 }
        await server.stop()
    }

    @Test("A sender is held back while the reader waits, and other requests go on", arguments: [true, false])
    func backPressure(http2: Bool) async throws {
        let server = try await TestServer.start()
        let client = server.client(http2: http2)
        let stream = try await client.open(HTTPRequest(.get, server.url("/endless")))
        var iterator = stream.body.makeAsyncIterator()
        // Until the server has stood still over ten requests of another kind.
        var last = -1
        while server.log.value.endlessBytes != last {
            last = server.log.value.endlessBytes
            for _ in 0..<10 { #expect(try await client.send(HTTPRequest(.get, server.url("/echo"))).status == 200) }
            try await timePasses(.milliseconds(50))
        }
        let held = server.log.value.endlessBytes
        // 256 KiB are ours; the rest is in the kernel's socket buffers.
        #expect(held < 16 << 20)
        var read = 0
        while read < held + (4 << 20) {
            let piece = try #require(try await iterator.next(isolation: nil))
            #expect(piece.allSatisfy { $0 == 0x78 } && piece.count <= 300 << 10)
            read += piece.count
        }
        await server.stop()
    }

    @Test("A reader that takes nothing loses its stream, and other streams go on")
    func neighbours() async throws {
        let server = try await TestServer.start()
        let engine = HTTPEngine()
        let client = server.client(engine: engine) { $0.readerPatience = .milliseconds(300 * patience) }
        let slow = try await client.open(HTTPRequest(.get, server.url("/endless")))
        let quick = try await client.open(HTTPRequest(.get, server.url("/pieces/40/20")))
        var size = 0
        for try await piece in quick.body { size += piece.count }
        #expect(size == 31 * 9 + 9 * 8)
        #expect(server.log.value.connectionsAccepted == 1)
        var read = 0
        let error = await #expect(throws: HTTPError.self) { for try await piece in slow.body { read += piece.count } }
        #expect(error?.message.contains("took nothing") == true)
        #expect(read < 16 << 20)
        engine.shutdown()
        await server.stop()
    }

    @Test("A slow reader holds back the sender, though another stream goes on")
    func heldBack() async throws {
        let server = try await TestServer.start()
        let engine = HTTPEngine()
        let client = server.client(engine: engine)
        let slow = try await client.open(HTTPRequest(.get, server.url("/numbered")))
        let neighbour = Task {
            for try await _ in try await client.open(HTTPRequest(.get, server.url("/pieces/100000/5"))).body {}
        }
        var (last, read) = (-1, 0)
        while server.log.value.endlessBytes != last {
            last = server.log.value.endlessBytes
            try await timePasses(.milliseconds(200 * patience))
        }
        // The window of the stream would let 32 MB through. The system's buffers hold some.
        #expect(last < 16 << 20)
        var largest = 0
        for try await piece in slow.body {
            #expect(isNumbered(piece, from: read))
            read += piece.count
            largest = max(largest, piece.count)
            if read > 40 << 20 { break }
        }
        // What libcurl had put aside comes at once.
        #expect(largest < 4 << 20)
        #expect(server.log.value.connectionsAccepted == 1)
        neighbour.cancel()
        engine.shutdown()
        await server.stop()
    }

    @Test("The bodies of several requests have one allowance, and give it back")
    func allowance() async throws {
        let server = try await TestServer.start()
        let client = server.client()
        let allowance = ByteAllowance(limit: 1_000_000)
        func get(_ path: String) async throws(HTTPError) -> HTTPResponse {
            var request = HTTPRequest(.get, server.url(path))
            request.allowance = allowance
            return try await client.send(request)
        }
        var first: HTTPResponse? = try await get("/bytes/600000")
        #expect(first?.body.count == 600_000 && allowance.inUse == 600_000)
        let error = await #expect(throws: HTTPError.self) { try await get("/bytes/600000") }
        #expect(error?.kind == .bodyTooLarge && allowance.inUse == 600_000)
        first = nil
        #expect(allowance.inUse == 0)
        #expect(try await get("/bytes/900000").body.count == 900_000)
        await server.stop()
    }

    @Test("The streams of an old connection end in good order; the next has a new one")
    func age() async throws {
        let server = try await TestServer.start()
        let client = server.client { $0.maximumConnectionAge = .milliseconds(500) }
        let stream = try await client.open(HTTPRequest(.get, server.url("/stall")))
        for try await _ in stream.body {}
        #expect(server.log.value.connectionsAccepted == 1)
        _ = try await client.open(HTTPRequest(.get, server.url("/pieces/1/1")))
        #expect(server.log.value.connectionsAccepted == 2)
        await server.stop()
    }

    @Test("PINGs keep a quiet stream on a way that cuts idle connections", arguments: [true, false])
    func keepAlive(pings: Bool) async throws {
        let server = try await TestServer.start()
        let relay = try await Relay(.to(port: server.port))
        let client = server.client { $0.keepAlive = pings ? .milliseconds(200 * patience) : nil }
        let stream = try await client.open(HTTPRequest(.get, "https://127.0.0.1:\(relay.port)/stall"))
        let ended = Observed(false)
        let reader = Task {
            do { for try await _ in stream.body {} } catch {}
            ended.update { $0 = true }
        }
        let start = ContinuousClock.now
        while ContinuousClock.now - start < .milliseconds(4_000 * patience), !ended.value {
            try await timePasses(.milliseconds(20))
            if ContinuousClock.now - relay.state.value.heard > .milliseconds(2_500 * patience) { await relay.dropAll() }
        }
        #expect(ended.value == !pings)
        #expect(relay.state.value.connections == 1)
        // It still carries requests: nothing was written into the middle of a frame.
        if pings {
            let other = try await client.open(HTTPRequest(.get, "https://127.0.0.1:\(relay.port)/pieces/3/1"))
            var text = ""
            for try await piece in other.body { text += String(decoding: piece, as: UTF8.self) }
            #expect(text == "piece 3\npiece 2\npiece 1\n")
            #expect(relay.state.value.connections == 1)
        }
        reader.cancel()
        await relay.stop()
        await server.stop()
    }

    @Test(
        "If a connection breaks in a body, the error comes after the bytes that arrived",
        arguments: [true, false])
    func reset(http2: Bool) async throws {
        let server = try await TestServer.start()
        let client = server.client(http2: http2)
        let stream = try await client.open(HTTPRequest(.get, server.url("/reset")))
        var received: [UInt8] = []
        let error = await #expect(throws: HTTPError.self) { for try await piece in stream.body { received += piece } }
        #expect(error?.kind == .connectionLost && error?.mayHaveBeenProcessed == true)
        // Over HTTP/2 libcurl drops what came together with the RST_STREAM.
        #expect(received == Array("start".utf8) || http2 && received.isEmpty)
        let whole = await #expect(throws: HTTPError.self) {
            try await client.send(HTTPRequest(.get, server.url("/reset")))
        }
        #expect(whole?.kind == .connectionLost)
        await server.stop()
    }

    @Test("After its end a body stays ended")
    func ended() async throws {
        let server = try await TestServer.start()
        let stream = try await server.client().open(HTTPRequest(.get, server.url("/bytes/10")))
        var iterator = stream.body.makeAsyncIterator()
        #expect(try await iterator.next(isolation: nil)?.count == 10)
        for _ in 0..<3 { #expect(try await iterator.next(isolation: nil) == nil) }
        await server.stop()
    }
}
