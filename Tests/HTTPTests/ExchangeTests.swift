import HTTP
import Support
import TestSupport
import Testing

extension HTTPResponse {
    var text: String { String(decoding: body, as: UTF8.self) }
}

@Suite(.timeLimit(.minutes(patience))) struct ExchangeTests {
    @Test(
        "Method, headers, token and body arrive as written, over HTTP/2 and HTTP/1.1",
        arguments: [true, false])
    func echo(http2: Bool) async throws {
        let server = try await TestServer.start()
        let client = server.client(http2: http2)
        let response = try await client.send(
            HTTPRequest(
                .patch, server.url("/echo?a=b%20c"),
                headers: ["Content-Type": "application/apply-patch+yaml", "X-Empty": ""], body: Array("{}".utf8),
                bearerToken: Sensitive("t0k3n")))
        #expect(response.status == 200)
        #expect(response.headers["CONTENT-LENGTH"] == "\(response.body.count)")
        let request = try #require(server.log.value.requests.first)
        #expect(request.method == "PATCH" && request.uri == "/echo?a=b%20c" && request.body == Array("{}".utf8))
        #expect(request.version == (http2 ? "HTTP/2.0" : "HTTP/1.1"))
        #expect(request.headers["authorization"] == "Bearer t0k3n")
        #expect(request.headers["content-type"] == "application/apply-patch+yaml")
        #expect(request.headers["x-empty"] == "")
        #expect(request.headers["user-agent"] == "squadron")
        #expect(request.headers["expect"] == nil && request.headers["content-length"] == "2")
        #expect(request.headers["host"] == "127.0.0.1:\(server.port)")
        await server.stop()
    }

    @Test("Handles of many concurrent exchanges are used again, with and without a body")
    func usedAgain() async throws {
        let server = try await TestServer.start()
        let client = server.client(http2: true)
        for round in 0..<4 {
            let statuses = await withTaskGroup(of: String.self) { group in
                for number in 0..<16 {
                    group.addTask {
                        let hasBody = (round + number) % 2 == 0
                        do {
                            let request = HTTPRequest(
                                hasBody ? .patch : .get, server.url("/echo"), body: hasBody ? Array("{}".utf8) : nil)
                            return "\(try await client.send(request).status)"
                        } catch {
                            return "\(error)"
                        }
                    }
                }
                return await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(statuses == ["200"], "round \(round)")
        }
        await server.stop()
    }

    @Test("A kept handle takes nothing of one request into the next", arguments: [true, false])
    func nothingStays(http2: Bool) async throws {
        let server = try await TestServer.start()
        let client = server.client(http2: http2)
        let methods: [HTTPRequest.Method] = [.post, .get, .head, .delete, .put, .get, .patch, .delete]
        for method in methods {
            let hasBody = [.post, .put, .patch].contains(method)
            let response = try await client.send(
                HTTPRequest(
                    method, server.url("/echo"), headers: hasBody ? ["X-Body": "yes"] : [:],
                    body: hasBody ? Array("content".utf8) : nil, bearerToken: hasBody ? Sensitive("secret") : nil))
            #expect(response.status == 200)
            #expect(response.body.isEmpty == (method == .head))
        }
        let requests = server.log.value.requests
        #expect(requests.map(\.method) == methods.map(\.rawValue))
        for request in requests {
            let hasBody = ["POST", "PUT", "PATCH"].contains(request.method)
            #expect(request.body == (hasBody ? Array("content".utf8) : []))
            #expect((request.headers["authorization"] != nil) == hasBody)
            #expect((request.headers["x-body"] != nil) == hasBody)
            #expect(request.headers["content-type"] == nil)
        }
        await server.stop()
    }

    @Test("A request that is no longer wanted when its connection stands is not sent")
    func unwanted() async throws {
        let server = try await TestServer.start()
        let client = server.client()
        // The first one has to connect, the second one finds a connection.
        for isConnected in [false, true] {
            var request = HTTPRequest(.post, server.url("/echo"), body: [1])
            request.isStillWanted = { false }
            let error = await #expect(throws: HTTPError.self) { try await client.send(request) }
            #expect(error?.kind == .closed && error?.mayHaveBeenProcessed == false, "connected: \(isConnected)")
            #expect(server.log.value.requests.allSatisfy { $0.method != "POST" })
            _ = try await client.send(HTTPRequest(.get, server.url("/echo")))
        }
        var request = HTTPRequest(.post, server.url("/echo"), body: [1])
        request.isStillWanted = { true }
        #expect(try await client.send(request).status == 200)
        await server.stop()
    }

    @Test("A redirect is not followed, neither with nor without a token")
    func redirect() async throws {
        let server = try await TestServer.start()
        let response = try await server.client().send(
            HTTPRequest(.get, server.url("/redirect"), bearerToken: Sensitive("t")))
        #expect(response.status == 302 && response.headers["Location"] == "https://127.0.0.1:1/elsewhere")
        await server.stop()
    }

    @Test("gzip is decoded if the request asked for it, and the limit counts decoded bytes")
    func gzip() async throws {
        let server = try await TestServer.start()
        let client = server.client()
        var request = HTTPRequest(.get, server.url("/gzip"), headers: ["Accept-Encoding": "gzip"])
        #expect(try await client.send(request).body == [UInt8](repeating: 0, count: 200_000))
        #expect(server.log.value.requests.last?.headers["accept-encoding"] == "gzip")
        request.maximumBodySize = 100_000
        let error = await #expect(throws: HTTPError.self) { try await client.send(request) }
        #expect(error?.kind == .bodyTooLarge)
        request.headers = [:]
        #expect(try await client.send(request).body.count < 10_000)
        #expect(server.log.value.requests.last?.headers["accept-encoding"] == nil)
        await server.stop()
    }

    @Test("A body beyond the limit ends the exchange, and the client goes on", arguments: [true, false])
    func tooLarge(http2: Bool) async throws {
        let server = try await TestServer.start()
        let client = server.client(http2: http2)
        let exact = try await client.send(HTTPRequest(.get, server.url("/bytes/70000"), maximumBodySize: 70_000))
        #expect(exact.body.count == 70_000)
        let error = await #expect(throws: HTTPError.self) {
            try await client.send(HTTPRequest(.get, server.url("/endless"), maximumBodySize: 70_000))
        }
        #expect(error?.kind == .bodyTooLarge && error?.mayHaveBeenProcessed == true)
        #expect(try await client.send(HTTPRequest(.get, server.url("/echo"))).status == 200)
        await server.log.wait { $0.exchangesOpen == 0 }
        await server.stop()
    }

    @Test("A head without end is given up", arguments: [true, false])
    func headTooLarge(http2: Bool) async throws {
        let server = try await TestServer.start()
        let client = server.client(http2: http2)
        let fine = try await client.send(HTTPRequest(.get, server.url("/headers/10")))
        #expect(fine.headers.fields.count > 10)
        for path in ["/headers/2000", "/header/2000000"] {
            let error = await #expect(throws: HTTPError.self) {
                try await client.send(HTTPRequest(.get, server.url(path)))
            }
            #expect(error?.kind == .other || error?.kind == .connectionLost)
        }
        #expect(try await client.send(HTTPRequest(.get, server.url("/echo"))).status == 200)
        await server.stop()
    }

    @Test("A request that would become another one on the wire is refused before it is sent")
    func invalid() async throws {
        let server = try await TestServer.start()
        let client = server.client()
        let requests = [
            HTTPRequest(.get, "/echo"), HTTPRequest(.get, "ftp://127.0.0.1/"), HTTPRequest(.get, "https://"),
            HTTPRequest(.get, server.url("/echo").replacing("https", with: "http")),
            HTTPRequest(.get, server.url("/a b")), HTTPRequest(.get, server.url("/a\r\nX: y")),
            HTTPRequest(.get, "https://user:password@127.0.0.1/"),
            HTTPRequest(.get, server.url("/echo"), headers: ["X": "a\r\nY: b"]),
            HTTPRequest(.get, server.url("/echo"), headers: ["X: a\r\nY": "b"]),
            HTTPRequest(.get, server.url("/echo"), bearerToken: Sensitive("a\r\nX: y")),
            HTTPRequest(.get, server.url("/echo"), bearerToken: Sensitive("")),
        ]
        for request in requests {
            let error = await #expect(throws: HTTPError.self) { try await client.send(request) }
            #expect(error?.kind == .invalidRequest && error?.mayHaveBeenProcessed == false)
            #expect(error?.message.contains("password") == false)
        }
        #expect(server.log.value.requests.isEmpty)
        await server.stop()
    }

    @Test("Plain HTTP works where it is allowed")
    func plain() async throws {
        var options = TestServer.Options()
        options.isSecure = false
        let server = try await TestServer.start(options)
        #expect(try await server.client().send(HTTPRequest(.get, server.url("/echo"))).status == 200)
        await server.stop()
    }

    @Test("No token, header, query or body is in any error")
    func noSecretsInErrors() async throws {
        let server = try await TestServer.start()
        let client = server.client()
        client.close()
        let closed = client
        for (client, path) in [
            (server.client(), "/reset"), (server.client(http2: false), "/reset"), (server.client(), "/hang"),
            (server.client(), "/endless"), (server.client { $0.tls.caCertificates = [] }, "/echo"),
            (server.client { $0.proxyURL = "http://user:s3cr3t@127.0.0.1:1" }, "/echo"), (closed, "/echo"),
        ] {
            var request = HTTPRequest(
                .post, server.url("\(path)?token=s3cr3t"), headers: ["X-Key": "s3cr3t"], body: Array("s3cr3t".utf8),
                bearerToken: Sensitive("s3cr3t"), maximumBodySize: 1000)
            request.timeouts.total = .milliseconds(300)
            let error = await #expect(throws: HTTPError.self) { try await client.send(request) }
            let text = error.map { "\($0) \($0.message) \(String(reflecting: $0))" } ?? "s3cr3t"
            #expect(!text.contains("s3cr3t"), "\(path)")
        }
        await server.stop()
    }
}
