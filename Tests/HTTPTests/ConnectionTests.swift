import NIOCore
import NIOPosix
import NIOSSL
import Support
import TestSupport
import Testing

@testable import HTTP

@Suite(.timeLimit(.minutes(patience))) struct ConnectionTests {
    @Test("Requests reuse one connection", arguments: [true, false])
    func reuse(http2: Bool) async throws {
        let server = try await TestServer.start()
        let client = server.client(http2: http2)
        for _ in 0..<20 { #expect(try await client.send(HTTPRequest(.get, server.url("/echo"))).status == 200) }
        #expect(server.log.value.connectionsAccepted == 1)
        await server.stop()
    }

    @Test("close() drops only the client's own connections, and later calls fail", arguments: [true, false])
    func close(http2: Bool) async throws {
        let server = try await TestServer.start()
        let (first, second) = (server.client(http2: http2), server.client(http2: http2))
        for client in [first, second] { _ = try await client.send(HTTPRequest(.get, server.url("/echo"))) }
        let stream = try await first.open(HTTPRequest(.get, server.url("/stall")))
        #expect(server.log.value.connectionsOpen == 3)
        first.close()
        await server.log.wait { $0.connectionsOpen == 1 }
        let interrupted = await #expect(throws: HTTPError.self) { for try await _ in stream.body {} }
        #expect(interrupted?.kind == .closed)
        let late = await #expect(throws: HTTPError.self) {
            try await first.send(HTTPRequest(.get, server.url("/echo")))
        }
        #expect(late?.kind == .closed && late?.mayHaveBeenProcessed == false)
        _ = try await second.send(HTTPRequest(.get, server.url("/echo")))
        #expect(server.log.value.connectionsAccepted == 3)
        await server.stop()
    }

    @Test("Releasing a client drops its connections")
    func drop() async throws {
        let server = try await TestServer.start()
        _ = try await server.client().send(HTTPRequest(.get, server.url("/echo")))
        await server.log.wait { $0.connectionsAccepted == 1 && $0.connectionsOpen == 0 }
        await server.stop()
    }

    @Test("50 streams at a time: one connection with HTTP/2, no more than allowed without", arguments: [true, false])
    func parallel(http2: Bool) async throws {
        let server = try await TestServer.start()
        let client = server.client(http2: http2) { $0.maximumConnections = 10 }
        let sizes = try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<50 {
                group.addTask {
                    let stream = try await client.open(HTTPRequest(.get, server.url("/pieces/3/\(5 + index % 10)")))
                    var size = 0
                    for try await piece in stream.body { size += piece.count }
                    return size
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(sizes == [Int](repeating: 24, count: 50))
        #expect(server.log.value.connectionsAccepted <= (http2 ? 1 : 10))
        #expect(!http2 || server.log.value.mostExchangesOpen > 25)
        await server.stop()
    }

    @Test("1,000 requests in a row, 200 at a time, cancelled ones between: nothing leaks", arguments: [true, false])
    func noLeaks(http2: Bool) async throws {
        let server = try await TestServer.start()
        let engine = HTTPEngine()
        let client = server.client(http2: http2, engine: engine) { $0.maximumConnections = 8 }
        for _ in 0..<1000 { _ = try await client.send(HTTPRequest(.get, server.url("/echo"))) }
        #expect(await engine.statistics()?.easyHandles == 1)
        let answers = await withTaskGroup(of: Bool.self) { group in
            for index in 0..<200 {
                group.addTask {
                    if index % 10 == 0 {
                        let hung = Task { try await client.send(HTTPRequest(.get, server.url("/hang"))) }
                        hung.cancel()
                        return await (try? hung.value) == nil
                    }
                    return await (try? client.send(HTTPRequest(.get, server.url("/bytes/1000"))))?.body.count == 1000
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(answers == 200)
        let statistics = try #require(await engine.statistics())
        #expect(statistics.transfers == 0 && statistics.easyHandles <= 8 && statistics.multiHandles <= 1)
        client.close()
        #expect(await engine.statistics() == HTTPEngine.Statistics())
        await server.log.wait { $0.connectionsOpen == 0 }
        engine.shutdown()
        await server.stop()
    }

    @Test("After a burst of writes at most two handles stay, without buffers for uploads")
    func rest() async throws {
        let server = try await TestServer.start()
        let engine = HTTPEngine()
        let client = server.client(engine: engine)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<20 {
                group.addTask {
                    let body: [UInt8]? = index % 2 == 0 ? Array("x".utf8) : nil
                    _ = try await client.send(HTTPRequest(body == nil ? .get : .post, server.url("/echo"), body: body))
                }
            }
            try await group.waitForAll()
        }
        try await eventually("what a burst took is given back") {
            try #require(await engine.statistics()).easyHandles <= 2
        }
        _ = try await client.send(HTTPRequest(.get, server.url("/echo")))
        client.close()
        engine.shutdown()
        await server.stop()
    }

    @Test("A proxy gets user and password, and the server does not")
    func proxyLogin() async throws {
        let server = try await TestServer.start()
        let proxy = try await Relay(.connectProxy)
        let client = server.client {
            $0.proxyURL = "http://127.0.0.1:\(proxy.port)"
            $0.proxyLogin = ProxyLogin(user: Sensitive("user"), password: Sensitive("pa:ss@word"))
        }
        #expect(try await client.send(HTTPRequest(.get, server.url("/echo"))).status == 200)
        #expect(proxy.state.value.logins == ["Basic \(Base64.encode(Array("user:pa:ss@word".utf8)))"])
        #expect(server.log.value.requests.allSatisfy { $0.headers["proxy-authorization"] == nil })
        await proxy.stop()
        await server.stop()
    }

    @Test("Without forward secrecy or authenticated encryption no connection is made")
    func ciphers() async throws {
        for (cipher, isGood) in [
            (NIOTLSCipher.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, false),
            (.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, false), (.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, true),
        ] {
            var options = TestServer.Options()
            options.maximumTLSVersion = .tlsv12
            options.ciphers = [cipher]
            let server = try await TestServer.start(options)
            do throws(HTTPError) {
                _ = try await server.client().send(HTTPRequest(.get, server.url("/echo")))
                #expect(isGood, "\(cipher)")
            } catch {
                #expect(!isGood && error.kind == .tlsFailed, "\(cipher): \(error)")
            }
            await server.stop()
        }
    }

    @Test("A connection that died silently is given up after one timeout")
    func blackHoledHTTP2() async throws {
        let server = try await TestServer.start()
        let relay = try await Relay(.to(port: server.port))
        let client = server.client()
        var request = HTTPRequest(.get, "https://127.0.0.1:\(relay.port)/echo")
        #expect(try await client.send(request).status == 200)
        relay.blackHole()
        request.timeouts.firstByte = .milliseconds(200)
        let error = await #expect(throws: HTTPError.self) { try await client.send(request) }
        #expect(error?.kind == .timeout(.firstByte) && error?.mayHaveBeenProcessed == true)
        request.timeouts.firstByte = .seconds(30)
        for _ in 0..<5 { #expect(try await client.send(request).status == 200) }
        #expect(relay.state.value.connections == 2)
        await relay.stop()
        await server.stop()
    }

    @Test("A stream on a dead connection gets a new connection, and other streams go on")
    func blackHoledStream() async throws {
        let server = try await TestServer.start()
        let relay = try await Relay(.to(port: server.port))
        let client = server.client()
        var request = HTTPRequest(.get, "https://127.0.0.1:\(relay.port)/stall")
        request.timeouts.idle = .milliseconds(200)
        let stream = try await client.open(request)
        relay.blackHole()
        let error = await #expect(throws: HTTPError.self) { for try await _ in stream.body {} }
        #expect(error?.kind == .timeout(.idle))
        #expect(try await client.open(request).status == 200)
        #expect(relay.state.value.connections == 2)
        await relay.stop()
        await server.stop()
    }

    @Test("If the first address of a name swallows everything, the second is tried in time")
    func secondAddress() async throws {
        var options = TestServer.Options()
        options.request.dnsNames = ["two.test"]
        let server = try await TestServer.start(options)
        // A queue with room for one that nobody takes out: from then on the kernel drops what comes.
        let deaf = try await ServerBootstrap(group: TestServer.group)
            .serverChannelOption(.backlog, value: 0)
            .serverChannelOption(.autoRead, value: false)
            .bind(host: "127.0.0.2", port: server.port).get()
        let first = try await ClientBootstrap(group: TestServer.group).connect(host: "127.0.0.2", port: server.port)
            .get()
        let client = server.client { $0.addresses = ["two.test:\(server.port):127.0.0.2,127.0.0.1"] }
        var request = HTTPRequest(.get, server.url("/echo", host: "two.test"))
        request.timeouts.connect = .seconds(4 * patience)
        #expect(try await client.send(request).status == 200)
        #expect(server.log.value.connectionsAccepted == 1)
        try await first.close()
        try await deaf.close()
        await server.stop()
    }

    @Test("A connection that breaks as a request is sent is replaced, also the seventh time")
    func brokenAgainAndAgain() async throws {
        let server = try await TestServer.start()
        let relay = try await Relay(.to(port: server.port))
        let client = server.client(http2: false)
        for _ in 0..<8 {
            let response = try await client.send(HTTPRequest(.get, "https://127.0.0.1:\(relay.port)/echo"))
            #expect(response.status == 200)
            relay.breakAtNextRequest()
        }
        #expect(relay.state.value.connections == 8)
        await relay.stop()
        await server.stop()
    }

    @Test(
        "A connection that the server closed at rest is replaced without an error",
        arguments: [true, false])
    func closedAtRest(http2: Bool) async throws {
        let server = try await TestServer.start()
        let relay = try await Relay(.to(port: server.port))
        let client = server.client(http2: http2)
        for _ in 0..<5 {
            let response = try await client.send(HTTPRequest(.post, "https://127.0.0.1:\(relay.port)/echo"))
            #expect(response.status == 200)
            await relay.dropAll()
        }
        #expect(relay.state.value.connections == 5)
        await relay.stop()
        await server.stop()
    }
}
