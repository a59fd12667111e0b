import HTTP
import Support
import Testing

@testable import Operator

@Suite("Health and metrics over HTTP")
struct AdminServerTests {
    private struct Server: Sendable {
        var url: String
        let isReady: Locked<Bool>
        let client = HTTPClient(HTTPClientConfiguration(maximumConnections: 1, allowsPlainHTTP: true))

        func send(_ path: String, _ method: HTTPRequest.Method = .get, headers: HTTPHeaders = [:]) async throws
            -> HTTPResponse
        {
            try await client.send(HTTPRequest(method, url + path, headers: headers))
        }
    }

    private func withServer(port: UInt16 = 0, _ body: @escaping @Sendable (Server) async throws -> Void) async throws {
        let isReady = Locked(false)
        let server = AdminServer(
            host: "127.0.0.1", port: port, isReady: { isReady.withLock { $0 } }, metrics: { "squadron_leader 1\n" })
        let (ports, told) = AsyncStream<Int>.makeStream()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await server.run { told.yield($0) }
                told.finish()
            }
            group.addTask {
                for await port in ports {
                    return try await body(Server(url: "http://127.0.0.1:\(port)", isReady: isReady))
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func text(_ response: HTTPResponse) -> String { String(decoding: response.body, as: UTF8.self) }

    @Test("It is healthy from the start, ready when the caches are, and has the metrics for Prometheus")
    func answers() async throws {
        try await withServer { server in
            #expect(try await server.send("/healthz").status == 200)
            let early = try await server.send("/readyz")
            #expect(early.status == 503 && self.text(early).contains("caches"))
            server.isReady.withLock { $0 = true }
            #expect(try await server.send("/readyz?verbose").status == 200)
            let metrics = try await server.send("/metrics")
            #expect(metrics.headers["content-type"] == "text/plain; version=0.0.4")
            #expect(self.text(metrics) == "squadron_leader 1\n")
        }
    }

    @Test("Other paths and methods are refused, HEAD has no body, and a connection may be closed or kept")
    func others() async throws {
        try await withServer { server in
            #expect(try await server.send("/").status == 404)
            #expect(try await server.send("/metrics/x").status == 404)
            #expect(try await server.send("/metrics", .post).status == 405)
            let head = try await server.send("/metrics", .head)
            #expect(head.status == 200 && head.body.isEmpty)
            let last = try await server.send("/healthz", headers: ["connection": "close"])
            #expect(last.headers["connection"] == "close")
            #expect(try await server.send("/healthz").status == 200)
        }
    }

    @Test("An address that is taken, or none of this machine, is an error that names it")
    func taken() async throws {
        try await withServer { server in
            let port = try #require(UInt16(server.url.split(separator: ":").last ?? ""))
            for (host, port) in [("127.0.0.1", port), ("192.0.2.1", 0), ("no-such-host.invalid", 0)] {
                let second = AdminServer(host: host, port: port, isReady: { true }, metrics: { "" })
                let error = await #expect(throws: AdminServer.CannotListen.self) { try await second.run() }
                #expect(error?.description.hasPrefix("the admin address \(host):\(port): ") == true)
            }
        }
    }
}
