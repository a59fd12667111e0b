import Serving
import Support
import TestSupport
import Testing

@Suite("Pages that go on: server-sent events")
struct PageStreamTests {
    /// A number that a test changes, and those that listen to it.
    private final class Source: Sendable {
        let number = Locked<UInt64>(0)
        let wakes = Locked<[Int: @Sendable () -> Void]>([:])

        var stream: PageStream {
            PageStream(beat: ":\n\n") { wake in
                let id = self.wakes.withLock { wakes in
                    let id = (wakes.keys.max() ?? 0) + 1
                    wakes[id] = wake
                    return id
                }
                return { _ = self.wakes.withLock { $0.removeValue(forKey: id) } }
            } next: { last in
                let number = self.number.withLock { $0 }
                return number > last ? (number, "data: \(number)\n\n") : nil
            }
        }
        func move(to number: UInt64) {
            self.number.withLock { $0 = number }
            for wake in wakes.withLock({ Array($0.values) }) { wake() }
        }
    }

    private func withServer(
        _ source: Source, limits: PageLimits = PageLimits(), _ body: @escaping @Sendable (Int) async throws -> Void
    ) async throws {
        let server = PageServer(address: ListenAddress(host: "127.0.0.1", port: 0), limits: limits) { _ in
            PageAnswer(source.stream, type: "text/event-stream")
        }
        let (ports, told) = AsyncStream<Int>.makeStream()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run { told.yield($0) } }
            group.addTask { for await port in ports { return try await body(port) } }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func reads(_ client: RawConnection, _ text: String) async throws {
        let answer = try await client.read { String(decoding: $0, as: UTF8.self).contains(text) }
        #expect(String(decoding: answer, as: UTF8.self).contains(text))
    }

    @Test("Each change is sent at once, and a client that leaves is forgotten")
    func changes() async throws {
        let source = Source()
        try await withServer(source) { port in
            do {
                let client = try RawConnection(port: port)
                client.send("GET / HTTP/1.1\r\n\r\n")
                try await self.reads(client, "text/event-stream")
                for number in 1...3 as ClosedRange<UInt64> {
                    source.move(to: number)
                    try await self.reads(client, "data: \(number)\n\n")
                }
            }
            // A piece that can't be delivered ends the connection.
            try await eventually("it is noticed") {
                source.move(to: source.number.withLock { $0 } + 1)
                return source.wakes.withLock { $0.isEmpty }
            }
        }
    }

    @Test("A quiet stream beats, so that a client that is gone is found out")
    func beats() async throws {
        var limits = PageLimits()
        limits.streamPause = .milliseconds(20)
        try await withServer(Source(), limits: limits) { port in
            let client = try RawConnection(port: port)
            client.send("GET / HTTP/1.1\r\n\r\n")
            try await self.reads(client, ":\n\n")
        }
    }

    @Test("HEAD of a stream ends")
    func head() async throws {
        try await withServer(Source()) { port in
            let client = try RawConnection(port: port)
            client.send("HEAD / HTTP/1.1\r\n\r\n")
            #expect(try await client.text().hasPrefix("HTTP/1.1 200 OK"))
        }
    }
}
