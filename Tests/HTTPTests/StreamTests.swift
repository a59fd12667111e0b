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
            try await Task.sleep(for: .milliseconds(50))
        }
        let held = server.log.value.endlessBytes
        // 256 KiB are ours; the rest is in the kernel's socket buffers.
        #expect(held < 16 << 20)
        print("held back after \(held) bytes (HTTP/\(http2 ? 2 : 1))")
        var read = 0
        while read < held + (4 << 20) {
            let piece = try #require(try await iterator.next(isolation: nil))
            #expect(piece.allSatisfy { $0 == 0x78 } && piece.count <= 300 << 10)
            read += piece.count
        }
        await server.stop()
    }

    @Test("A slow reader does not starve another stream of the same connection for good")
    func neighbours() async throws {
        let server = try await TestServer.start()
        let engine = HTTPEngine()
        let client = server.client(engine: engine)
        let slow = try await client.open(HTTPRequest(.get, server.url("/endless")))
        let quick = try await client.open(HTTPRequest(.get, server.url("/pieces/40/20")))
        var size = 0
        for try await piece in quick.body { size += piece.count }
        #expect(size == 31 * 9 + 9 * 8)
        #expect(server.log.value.connectionsAccepted == 1)
        print("two streams: the server sent \(server.log.value.endlessBytes) bytes to a reader that took none")
        var read = 0
        for try await piece in slow.body {
            read += piece.count
            if read > 40 << 20 { break }
        }
        engine.shutdown()
        await server.stop()
    }

    @Test("Megabytes that libcurl put aside for a slow reader arrive at once and in order")
    func putAside() async throws {
        let server = try await TestServer.start()
        let engine = HTTPEngine()
        let client = server.client(engine: engine)
        let slow = try await client.open(HTTPRequest(.get, server.url("/numbered")))
        let neighbour = Task {
            for try await _ in try await client.open(HTTPRequest(.get, server.url("/pieces/100000/5"))).body {}
        }
        // Of 32 that the window lets through; the kernel's buffers hold less than half of it.
        await server.log.wait { $0.endlessBytes > 24 << 20 }
        neighbour.cancel()
        var iterator = slow.body.makeAsyncIterator()
        let first = try #require(try await iterator.next(isolation: nil))
        // Commands are taken in order: when this is answered, the stream has been resumed.
        _ = await engine.statistics()
        let second = try #require(try await iterator.next(isolation: nil))
        // Taken in bits of the pipe's capacity, the rest would be copied for each.
        #expect(second.count > 4 << 20)
        #expect(isNumbered(first, from: 0) && isNumbered(second, from: first.count))
        var read = first.count + second.count
        while read < 40 << 20 {
            let piece = try #require(try await iterator.next(isolation: nil))
            #expect(isNumbered(piece, from: read))
            read += piece.count
        }
        #expect(server.log.value.connectionsAccepted == 1)
        engine.shutdown()
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
