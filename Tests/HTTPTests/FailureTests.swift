import DevPKI
import Glibc
import HTTP
import NIOSSL
import Support
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(patience))) struct FailureTests {
    private func kind(_ client: HTTPClient, _ request: HTTPRequest) async -> HTTPError? {
        await #expect(throws: HTTPError.self) { try await client.send(request) }
    }

    // MARK: Timeouts

    @Test("A connect timeout also fails the requests that wait for the same connection")
    func connectTimeout() async throws {
        let server = try await TestServer.start()
        let relay = try await Relay(.to(port: server.port))
        relay.blackHoleForever()
        let client = server.client()
        var request = HTTPRequest(.get, "https://127.0.0.1:\(relay.port)/echo")
        request.timeouts.connect = .milliseconds(300)
        let made = request
        let start = ContinuousClock.now
        await withTaskGroup(of: HTTPError?.self) { group in
            for _ in 0..<20 { group.addTask { await kind(client, made) } }
            for await error in group {
                #expect(error?.kind == .timeout(.connect) && error?.mayHaveBeenProcessed == false)
            }
        }
        #expect(ContinuousClock.now - start < .seconds(5))
        await relay.stop()
        await server.stop()
    }

    @Test("first byte, idle and total each have their own kind", arguments: [true, false])
    func timeouts(http2: Bool) async throws {
        let server = try await TestServer.start()
        let client = server.client(http2: http2)
        var request = HTTPRequest(.get, server.url("/hang"))
        request.timeouts.firstByte = .milliseconds(200)
        #expect(await kind(client, request)?.kind == .timeout(.firstByte))

        request = HTTPRequest(.get, server.url("/stall"))
        request.timeouts.idle = .milliseconds(200)
        #expect(await kind(client, request)?.kind == .timeout(.idle))

        request = HTTPRequest(.get, server.url("/pieces/1000/10"))
        request.timeouts.total = .milliseconds(1500)
        let error = await kind(client, request)
        #expect(error?.kind == .timeout(.total) && error?.mayHaveBeenProcessed == true)
        await server.stop()
    }

    @Test("Time in which the reader takes nothing does not count as idle", arguments: [true, false])
    func pausedIsNotIdle(http2: Bool) async throws {
        let server = try await TestServer.start()
        var request = HTTPRequest(.get, server.url("/endless"))
        request.timeouts.idle = .milliseconds(150)
        let stream = try await server.client(http2: http2).open(request)
        // Longer than the timeout: nothing else can show that it does not strike.
        try await timePasses(.milliseconds(600))
        var iterator = stream.body.makeAsyncIterator()
        for _ in 0..<20 { #expect(try await iterator.next(isolation: nil) != nil) }
        await server.stop()
    }

    // MARK: Connecting

    @Test("Refused connections and unknown names have own kinds, and nothing was sent")
    func unreachable() async throws {
        let server = try await TestServer.start()
        let client = server.client()
        let refused = await kind(client, HTTPRequest(.get, "https://127.0.0.1:1/"))
        #expect(refused?.kind == .connectFailed && refused?.mayHaveBeenProcessed == false)
        #expect(refused?.message == "could not connect to 127.0.0.1 port 1: Connection refused")
        let unknown = await kind(client, HTTPRequest(.get, "https://nowhere.invalid/"))
        #expect(unknown?.kind == .dnsFailed && unknown?.mayHaveBeenProcessed == false)
        await server.stop()
    }

    // MARK: TLS

    @Test("Foreign or empty CA, wrong name, expired or future certificate, TLS 1.1: refused")
    func tls() async throws {
        let foreign = try CertificateAuthority(commonName: "another CA")
        let now = WallClock.system.now
        func server(_ change: (inout TestServer.Options) -> Void) async throws -> TestServer {
            var options = TestServer.Options()
            change(&options)
            return try await TestServer.start(options)
        }
        let good = try await server { _ in }
        let other = try await server {
            $0.request.dnsNames = ["other.test"]; $0.request.ipAddresses = []
        }
        let expired = try await server {
            $0.request.notBefore = now + -7200; $0.request.notAfter = now + -3600
        }
        let future = try await server {
            $0.request.notBefore = now + 3600; $0.request.notAfter = now + 7200
        }
        let old = try await server { $0.maximumTLSVersion = .tlsv11 }
        let cases: [(TestServer, HTTPError.Kind, (inout HTTPClientConfiguration) -> Void)] = [
            (good, .tlsUntrusted, { $0.tls.caCertificates = Array(foreign.certificatePEM.utf8) }),
            (good, .tlsUntrusted, { $0.tls.caCertificates = [] }),
            (good, .tlsUntrusted, { $0.tls.caCertificates = Array("no certificate".utf8) }),
            (good, .tlsUntrusted, { $0.tls.caCertificates = nil }),
            (other, .tlsNameMismatch, { _ in }),
            (good, .tlsNameMismatch, { $0.tls.serverName = "other.test" }),
            (expired, .tlsExpired, { _ in }), (future, .tlsExpired, { _ in }),
            (old, .tlsFailed, { _ in }),
        ]
        for (server, expected, change) in cases {
            let error = await kind(server.client(change), HTTPRequest(.get, server.url("/echo")))
            #expect(error?.kind == expected && error?.mayHaveBeenProcessed == false)
        }
        #expect(good.log.value.requests.isEmpty)
        for server in [good, other, expired, future, old] { await server.stop() }
    }

    @Test("serverName stands in for the host in TLS, and the Host header stays", arguments: [true, false])
    func serverName(http2: Bool) async throws {
        var options = TestServer.Options()
        options.request.dnsNames = ["kubernetes.default.svc"]
        options.request.ipAddresses = []
        let server = try await TestServer.start(options)
        let client = server.client(http2: http2) { $0.tls.serverName = "kubernetes.default.svc" }
        #expect(try await client.send(HTTPRequest(.get, server.url("/echo?x"))).status == 200)
        #expect(server.log.value.requests.first?.headers["host"] == "127.0.0.1:\(server.port)")
        #expect(server.log.value.requests.first?.uri == "/echo?x")
        await server.stop()
    }

    @Test("A client certificate is shown if there is one; without it the server refuses")
    func clientCertificate() async throws {
        let authority = try CertificateAuthority(commonName: "clients")
        var options = TestServer.Options()
        options.clientAuthority = authority
        let server = try await TestServer.start(options)
        let issued = try authority.issue(CertificateRequest(commonName: "admin", usage: .client))
        let client = server.client {
            $0.tls.clientCertificate = Array(issued.certificatePEM.utf8)
            $0.tls.clientKey = Sensitive(issued.privateKeyPEM)
        }
        #expect(try await client.send(HTTPRequest(.get, server.url("/echo"))).status == 200)
        let refused = await kind(server.client(), HTTPRequest(.get, server.url("/echo")))
        // In TLS 1.3 the refusal comes after the client's side of the handshake: whether the client reads the alert or
        // first writes into the closed connection is chance.
        #expect(refused?.kind == .tlsFailed || refused?.kind == .connectionLost)
        await server.stop()
    }

    @Test("Clients with different CAs never share a connection")
    func otherCA() async throws {
        let server = try await TestServer.start()
        let foreign = try CertificateAuthority(commonName: "another CA")
        #expect(try await server.client().send(HTTPRequest(.get, server.url("/echo"))).status == 200)
        let other = server.client { $0.tls.caCertificates = Array(foreign.certificatePEM.utf8) }
        #expect(await kind(other, HTTPRequest(.get, server.url("/echo")))?.kind == .tlsUntrusted)
        await server.stop()
    }

    // MARK: Proxy

    @Test("The proxy is the configured one, whatever the environment says")
    func proxy() async throws {
        let server = try await TestServer.start()
        let configured = try await Relay(.connectProxy)
        let tempting = try await Relay(.connectProxy)
        for name in ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            setenv(name, "http://127.0.0.1:\(tempting.port)", 1)
        }
        defer { for name in ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] { unsetenv(name) } }
        let url = server.url("/echo")
        #expect(try await server.client().send(HTTPRequest(.get, url)).status == 200)
        let client = server.client { $0.proxyURL = "http://127.0.0.1:\(configured.port)" }
        #expect(try await client.send(HTTPRequest(.get, url)).status == 200)
        #expect(configured.state.value.connects == ["CONNECT 127.0.0.1:\(server.port) HTTP/1.1"])
        #expect(tempting.state.value.connections == 0)

        let refusing = await kind(client, HTTPRequest(.get, "https://127.0.0.1:x/"))
        #expect(refusing?.kind == .invalidRequest)
        let dead = server.client { $0.proxyURL = "http://127.0.0.1:1" }
        let error = await kind(dead, HTTPRequest(.get, url))
        #expect(error?.kind == .proxyFailed && error?.mayHaveBeenProcessed == false)
        await configured.stop()
        await tempting.stop()
        await server.stop()
    }

    @Test("An untrusted proxy certificate is reported as the proxy's failure")
    func proxyCertificate() async throws {
        let server = try await TestServer.start()
        // A certificate of an authority that the system's store lacks: a proxy is held to that store.
        let proxy = try await TestServer.start()
        let client = server.client { $0.proxyURL = "https://127.0.0.1:\(proxy.port)" }
        let error = await kind(client, HTTPRequest(.get, server.url("/echo")))
        #expect(error?.kind == .proxyFailed && error?.mayHaveBeenProcessed == false)
        let message = error?.message ?? ""
        #expect(message.contains("the proxy's"), "\(message)")
        #expect(server.log.value.connectionsAccepted == 0 && proxy.log.value.connectionsAccepted == 1)
        await proxy.stop()
        await server.stop()
    }

    // MARK: The engine

    @Test("A shutdown of the engine ends running requests, and later ones fail at once", arguments: [true, false])
    func shutdown(http2: Bool) async throws {
        let server = try await TestServer.start()
        let engine = HTTPEngine()
        let client = server.client(http2: http2, engine: engine)
        let stream = try await client.open(HTTPRequest(.get, server.url("/stall")))
        let kinds = await withTaskGroup(of: HTTPError?.self) { group in
            for _ in 0..<20 {
                group.addTask { await kind(client, HTTPRequest(.get, server.url("/hang"))) }
            }
            group.addTask {
                await server.log.wait { $0.exchangesOpen >= 17 }
                engine.shutdown()
                return nil
            }
            return await group.reduce(into: []) { $0.append($1?.kind) }
        }
        #expect(kinds.filter { $0 == .closed }.count == 20)
        let interrupted = await #expect(throws: HTTPError.self) { for try await _ in stream.body {} }
        #expect(interrupted?.kind == .closed)
        #expect(await kind(client, HTTPRequest(.get, server.url("/echo")))?.kind == .closed)
        #expect(await engine.statistics() == nil)
        engine.shutdown()
        client.close()
        await server.stop()
    }

    @Test("A released engine stops by itself, also while requests start")
    func dropEngine() async throws {
        let server = try await TestServer.start()
        for _ in 0..<20 {
            let client = server.client(engine: HTTPEngine())
            let task = Task { try? await client.send(HTTPRequest(.get, server.url("/echo"))) }
            _ = await task.value
        }
        await server.log.wait { $0.connectionsOpen == 0 }
        await server.stop()
    }
}
