import ControlLoop
import Foundation
import HTTP
import Serving
import Support
import TestSupport
import Testing

@testable import Operator

@Suite("Health and metrics over HTTP")
struct AdminServerTests {
    private struct Server: Sendable {
        var port: Int
        let isReady: Locked<Bool>
        let standstill: Locked<String?>
        let client = HTTPClient(HTTPClientConfiguration(maximumConnections: 1, allowsPlainHTTP: true))

        func send(
            _ path: String, _ method: HTTPRequest.Method = .get, headers: HTTPHeaders = [:], host: String = "127.0.0.1"
        ) async throws -> HTTPResponse {
            try await client.send(HTTPRequest(method, "http://\(host):\(port)\(path)", headers: headers))
        }
        func connect() throws -> RawConnection { try RawConnection(port: port) }
    }

    private func withServer(
        host: String = "127.0.0.1", limits: PageLimits = PageLimits(), metrics: String? = "squadron_leader 1\n",
        _ body: @escaping @Sendable (Server) async throws -> Void
    ) async throws {
        let isReady = Locked(false)
        let standstill = Locked<String?>(nil)
        var pages = AdminPages.probes(standstill: { standstill.withLock { $0 } }, isReady: { isReady.withLock { $0 } })
        if let metrics { pages = pages.and(.metrics { metrics }) }
        let server = pages.server(at: ListenAddress(host: host, port: 0), limits: limits)
        let (ports, told) = AsyncStream<Int>.makeStream()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await server.run { told.yield($0) }
                told.finish()
            }
            group.addTask {
                for await port in ports {
                    return try await body(Server(port: port, isReady: isReady, standstill: standstill))
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func text(_ response: HTTPResponse) -> String { String(decoding: response.body, as: UTF8.self) }

    @Test("It is healthy at once, ready with its informers, and serves Prometheus' metrics")
    func answers() async throws {
        try await withServer { server in
            #expect(try await server.send("/healthz").status == 200)
            let early = try await server.send("/readyz")
            #expect(early.status == 503 && self.text(early).contains("informers"))
            server.isReady.withLock { $0 = true }
            #expect(try await server.send("/readyz?verbose").status == 200)
            let metrics = try await server.send("/metrics")
            #expect(metrics.headers["content-type"] == "text/plain; version=0.0.4")
            #expect(self.text(metrics) == "squadron_leader 1\n")
        }
    }

    @Test("Other paths and methods are refused, HEAD has no body, connections close or stay")
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

    @Test("An address in use, or of another machine, is an error that names it")
    func taken() async throws {
        try await withServer { server in
            for (host, port) in [("127.0.0.1", UInt16(server.port)), ("192.0.2.1", 0), ("no-such-host.invalid", 0)] {
                let second = AdminPages.metrics { "" }.server(at: ListenAddress(host: host, port: port))
                let error = await #expect(throws: PageServer.CannotListen.self) { try await second.run() }
                #expect(error?.description.hasPrefix("the admin address \(host):\(port): ") == true)
            }
        }
    }

    @Test("While the operator's own work stands still, it is unhealthy and says so")
    func standstill() async throws {
        try await withServer { server in
            server.standstill.withLock { $0 = "no beat for 65 s" }
            let answer = try await server.send("/healthz")
            #expect(answer.status == 503 && self.text(answer) == "no beat for 65 s\n")
            server.standstill.withLock { $0 = nil }
            #expect(try await server.send("/healthz").status == 200)
        }
    }

    @Test("Metrics that are bound apart are not at the admin port")
    func apart() async throws {
        try await withServer(metrics: nil) { server in
            let answer = try await server.send("/metrics")
            #expect(answer.status == 404 && self.text(answer) == "there is: /healthz, /readyz\n")
        }
    }

    @Test("However often the metrics are asked for, their page is made once a second")
    func onePageASecond() {
        let clock = TestClock()
        let made = Locked(0)
        let pages = AdminPages.metrics(
            {
                made.withLock {
                    $0 += 1
                    return "\($0)"
                }
            }, timeline: Timeline(clock))
        for _ in 1...1000 { #expect(pages.answer("/metrics").status == 200) }
        #expect(made.withLock { $0 } == 1)
        clock.advance(by: .seconds(1))
        #expect(pages.answer("/metrics").text == "2")
    }

    @Test("It listens on IPv6 where asked, and on IPv4 and IPv6 where no host is named")
    func addressFamilies() async throws {
        try await withServer(host: "::1") { server in
            let answer = try await server.send("/healthz", host: "[::1]")
            #expect(answer.status == 200)
        }
        try await withServer(host: "") { server in
            for host in ["[::1]", "127.0.0.1"] {
                let answer = try await server.send("/healthz", host: host)
                #expect(answer.status == 200, "\(host)")
            }
        }
    }

    @Test("An address has a port, and an IPv6 address brackets")
    func addresses() {
        #expect(ListenAddress("0.0.0.0:8080") == ListenAddress(host: "0.0.0.0", port: 8080))
        #expect(ListenAddress(":8080") == ListenAddress(host: "", port: 8080))
        #expect(ListenAddress("[::1]:8080") == ListenAddress(host: "::1", port: 8080))
        #expect(ListenAddress("[::1]:8080")?.description == "[::1]:8080")
        for text in ["", "nowhere", ":", "::1:8080", "[::1]", "[::1:80", "a]:80", "[a]:80", "a:65536", "a:-1", "a:b"] {
            #expect(ListenAddress(text) == nil, "\(text)")
        }
    }
}

/// Any pod can connect to the admin port.
extension AdminServerTests {
    @Test("300 clients that never end their headers hold few connections; others go on")
    func unfinishedHeaders() async throws {
        try await withServer { server in
            var clients: [RawConnection] = []
            for _ in 1...300 {
                let client = try server.connect()
                client.send("GET /healthz HTTP/1.1\r\nX-Padding: " + String(repeating: "x", count: 4000))
                clients.append(client)
                // Like the kubelet: a new connection, with a request at once.
                if clients.count.isMultiple(of: 100) {
                    #expect(try await server.send("/healthz", headers: ["connection": "close"]).status == 200)
                }
            }
            let limit = PageLimits().connections
            let held = clients
            try await eventually("the others are closed") { held.count { !$0.hasEnded } <= limit }
            #expect(try await server.send("/healthz").status == 200)
        }
    }

    @Test("Headers that go on and on are cut off at 8 KiB")
    func hugeHeader() async throws {
        try await withServer { server in
            for start in ["GET /healthz HTTP/1.1\r\nX-Padding: ", "GET /", String(repeating: "\r\n", count: 100)] {
                let client = try server.connect()
                client.send(start + String(repeating: "x", count: 32 << 10))
                let answer = try await client.text()
                #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 4"), "\(answer)")
            }
            let client = try server.connect()
            client.send("GET /healthz HTTP/1.1\r\nX-Padding: " + String(repeating: "x", count: 7000) + "\r\n\r\n")
            let answer = try await client.read { !$0.isEmpty }
            #expect(String(decoding: answer, as: UTF8.self).hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test("Headers that drip, and a client that asks nothing more, are cut off in time")
    func slow() async throws {
        var limits = PageLimits()
        limits.requestTime = .milliseconds(300)
        limits.idleTime = .milliseconds(300)
        try await withServer(limits: limits) { server in
            let dripping = try server.connect()
            let silent = try server.connect()
            let idle = try server.connect()
            idle.send("GET /healthz HTTP/1.1\r\n\r\n")
            try await eventually("the slow one is cut off") {
                dripping.send("x")
                return dripping.hasEnded
            }
            #expect(try await silent.text() == "")
            #expect(try await idle.text().hasSuffix("ok\n"))
        }
    }

    @Test("A client that does not take its answer is cut off in time")
    func slowReader() async throws {
        var limits = PageLimits()
        limits.answerTime = .milliseconds(300)
        let page = String(repeating: "x", count: 32 << 20)
        try await withServer(limits: limits, metrics: page) { server in
            let client = try server.connect()
            client.send("GET /metrics HTTP/1.1\r\n\r\n")
            try await timePasses(.milliseconds(1000 * patience))
            #expect(try await client.read().count < 32 << 20)
            #expect(try await server.send("/healthz").status == 200)
        }
    }

    @Test("Requests and garbage that don't wait for an answer end the connection")
    func pipelined() async throws {
        try await withServer { server in
            let request = "GET /healthz HTTP/1.1\r\n\r\n"
            let mixed = try server.connect()
            mixed.send(request + "\u{0}\u{1}garbage\r\n\r\n")
            let answer = try await mixed.text()
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"), "\(answer)")
            let many = try server.connect()
            many.send(String(repeating: request, count: 100))
            let answers = try await many.text().components(separatedBy: "HTTP/1.1 200 OK").count - 1
            #expect(answers <= 1)
            #expect(try await server.send("/healthz").status == 200)
        }
    }

    @Test(
        "Only whole requests of HTTP/1.1 without a body are answered",
        arguments: [
            ("GET /healthz HTTP/1.0\r\n\r\n", "505"),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"),
            ("POST /healthz HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", "405"),
            ("GET /healthz HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", "413"),
            ("GET /healthz HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "413"),
            ("CONNECT a:1 HTTP/1.1\r\n\r\n", "405"),
            ("GET /healthz HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", "200"),
            ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\r\n\r\n", "400"),
        ])
    func refused(_ entry: (request: String, status: String)) async throws {
        try await withServer { server in
            let client = try server.connect()
            client.send(entry.request)
            let answer = String(decoding: try await client.read { !$0.isEmpty }, as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 \(entry.status) "), "\(answer)")
        }
    }
}
