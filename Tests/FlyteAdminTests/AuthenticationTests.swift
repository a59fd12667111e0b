import DevFlyteAdmin
import DevPKI
import HTTP
import JSON
import Support
import Testing

@testable import FlyteAdmin

private let secret = "s:e cret+%"

private func oauth2(
    _ server: DevFlyteAdmin, scopes: [String] = [], secret: String = secret,
    clientAuth: OAuth2Tokens.ClientAuth = .header,
    transports: [any HTTPTransport]? = nil,
    now: @escaping @Sendable () -> Duration = OAuth2Tokens.sinceStart
) -> FlyteAdminClient.Authorization {
    .oauth2(
        OAuth2Tokens(
            .init(
                tokenURL: server.tokenURL, clientID: "squad:ron", clientSecret: Sensitive(secret), scopes: scopes,
                clientAuth: clientAuth),
            transports: transports ?? [transport()], now: now))
}

private func secured(_ options: inout DevFlyteAdmin.Options) {
    options.oauth2 = .init(clientID: "squad:ron", clientSecret: secret)
}

@Suite("Authentication with flyteadmin")
struct AuthenticationTests {
    @Test("A static token is sent; a missing or wrong one is refused in flyteadmin's words")
    func staticToken() async throws {
        try await withServer({ $0.token = "good" }) { server in
            let rows = try await client(server, .token(Sensitive("good"))).labels()
            #expect(rows.isEmpty)
            for authorization in [FlyteAdminClient.Authorization.none, .token(Sensitive("bad"))] {
                let error = await failure { _ = try await client(server, authorization).labels() }
                #expect(error?.kind == .refused)
                #expect(error?.status == 401)
                #expect(error?.message.hasPrefix("token parse error") == true)
            }
        }
    }

    @Test("A token is fetched once for many requests, also for those at the same time", arguments: [1, 20])
    func singleFlight(requests: Int) async throws {
        try await withServer(secured) { server in
            server.add(FaultRule(.slow(.milliseconds(100)), pathContains: "/oauth2/token"))
            let client = client(server, oauth2(server, scopes: ["all"]))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<requests { group.addTask { _ = try await client.labels() } }
                try await group.waitForAll()
            }
            _ = try await client.labels()
            #expect(server.tokensIssued == 1)
        }
    }

    @Test("One that waits for another's token and whose asker is cancelled asks itself")
    func cancelledAsker() async throws {
        try await withServer(secured) { server in
            server.add(FaultRule(.hang, pathContains: "/oauth2/token", count: 1))
            let client = client(server, oauth2(server))
            // Unstructured, since it is to be cancelled while the other goes on; awaited below.
            let first = Task { try await client.labels() }
            while server.requests.isEmpty { await Task.yield() }
            let second = Task { try await client.labels() }
            first.cancel()
            let error = await failure { _ = try await first.value }
            #expect(error?.kind == .cancelled)
            let rows = try await second.value
            #expect(rows.isEmpty)
        }
    }

    @Test("Shortly before its end a token is replaced")
    func expiry() async throws {
        let time = Locked(Duration.zero)
        try await withServer(secured) { server in
            let client = client(server, oauth2(server, now: { time.withLock { $0 } }))
            _ = try await client.labels()
            time.withLock { $0 = .seconds(3500) }
            _ = try await client.labels()
            #expect(server.tokensIssued == 1)
            time.withLock { $0 = .seconds(3541) }
            _ = try await client.labels()
            #expect(server.tokensIssued == 2)
        }
    }

    @Test("A revoked token is replaced once, within the same call")
    func revoked() async throws {
        try await withServer(secured) { server in
            let client = client(server, oauth2(server))
            _ = try await client.labels()
            server.revokeTokens()
            _ = try await client.labels()
            #expect(server.tokensIssued == 2)
        }
    }

    @Test(
        "The client's credentials go into the header or the body, as it is configured",
        arguments: [
            (DevFlyteAdmin.OAuth2.Style.any, OAuth2Tokens.ClientAuth.header), (.any, .body), (.header, .header),
            (.body, .body),
        ])
    func styles(style: DevFlyteAdmin.OAuth2.Style, clientAuth: OAuth2Tokens.ClientAuth) async throws {
        try await withServer({
            secured(&$0)
            $0.oauth2?.style = style
        }) { server in
            let client = client(server, oauth2(server, clientAuth: clientAuth))
            let first = try await client.labels()
            #expect(first.isEmpty)
            server.revokeTokens()
            let second = try await client.labels()
            #expect(second.isEmpty)
            let asked = server.requests.filter { $0.path == "/oauth2/token" }
            #expect(asked.map(\.status) == [200, 200])
        }
    }

    @Test(
        "A refused secret is not sent in the other form; the message names the form",
        arguments: [OAuth2Tokens.ClientAuth.header, .body])
    func oneWay(clientAuth: OAuth2Tokens.ClientAuth) async throws {
        try await withServer({
            secured(&$0)
            $0.oauth2?.style = clientAuth == .header ? .body : .header
        }) { server in
            let error = await failure { _ = try await client(server, oauth2(server, clientAuth: clientAuth)).labels() }
            #expect(error?.kind == .refused)
            let way = clientAuth == .header ? "Basic" : "Post"
            #expect(error?.message.hasSuffix("; asked with clientAuth \(way)") == true)
            #expect(server.requests.map(\.status) == [401])
        }
    }

    @Test("A wrong secret or scope is the token endpoint's refusal, which shows no secret")
    func refused() async throws {
        try await withServer(secured) { server in
            let wrong = await failure { _ = try await client(server, oauth2(server, secret: "wr0ng")).labels() }
            #expect(wrong?.kind == .refused)
            #expect(wrong?.message.hasPrefix("the token endpoint: invalid_client: ") == true)
            #expect(wrong.map { "\($0)".contains("wr0ng") } == false)
            let scope = await failure { _ = try await client(server, oauth2(server, scopes: ["admin"])).labels() }
            #expect(scope?.message.contains("invalid_scope") == true)
        }
    }

    @Test("A token is taken only at the host that it was made for")
    func audience() async throws {
        func label(_ hosts: [String], asking host: String) async throws -> FlyteAdminError? {
            try await withServer({
                secured(&$0)
                $0.oauth2?.authorizedHosts = hosts
            }) { server in
                let url = server.url.replacing("127.0.0.1", with: host)
                let tokens = oauth2(server)
                let client = FlyteAdminClient(endpoint: url, transport: transport(), authorization: tokens)
                return await failure { _ = try await client.labels() }
            }
        }
        // The token is asked for at 127.0.0.1.
        let same = try await label(["127.0.0.1", "localhost"], asking: "127.0.0.1")
        #expect(same == nil)
        let other = try await label(["127.0.0.1", "localhost"], asking: "localhost")
        #expect(other?.status == 401 && other?.message.contains("invalid audience [&{[http://127.0.0.1:") == true)
        #expect(other?.message.contains("wanted [map[http://localhost:") == true)
        // Neither is authorized by name: both count as the first one.
        let unnamed = try await label(["flyte.example.org"], asking: "localhost")
        #expect(unnamed == nil)
    }

    @Test("A token that has ended, and none at all, are refused with flyteadmin's words")
    func expired() async throws {
        try await withServer({
            secured(&$0)
            $0.oauth2?.lifetime = .zero
        }) { server in
            let ended = await failure { _ = try await client(server, oauth2(server)).labels() }
            #expect(ended?.status == 401 && ended?.message.contains("Token is expired") == true)
            let none = await failure { _ = try await client(server).labels() }
            #expect(none?.message.contains("Could not retrieve bearer token from metadata") == true)
        }
    }

    @Test("A token endpoint that answers HTML or nothing is unreachable")
    func brokenEndpoint() async throws {
        try await withServer(secured) { server in
            for fault in [Fault.html, .otherJSON, .status(503)] {
                server.heal()
                server.add(FaultRule(fault, pathContains: "/oauth2/token"))
                let error = await failure { _ = try await client(server, oauth2(server)).labels() }
                #expect(error?.kind == .unreachable)
                #expect(error?.message.hasPrefix("the token endpoint") == true)
            }
        }
    }

    @Test("A token endpoint gets a secret only over a transport that trusts it")
    func trust() async throws {
        let (ours, theirs) = (try CertificateAuthority(commonName: "a"), try CertificateAuthority(commonName: "b"))
        try await withServer({
            secured(&$0)
            $0.authority = ours
        }) { server in
            let (stranger, friend) = (transport(ca: theirs.certificatePEM), transport(ca: ours.certificatePEM))
            let good = client(server, oauth2(server, transports: [stranger, friend]), ca: ours.certificatePEM)
            let rows = try await good.labels()
            #expect(rows.isEmpty)
            server.forgetRequests()
            let bad = client(server, oauth2(server, transports: [stranger]), ca: ours.certificatePEM)
            let refused = await failure { _ = try await bad.labels() }
            #expect(refused?.kind == .unreachable)
            #expect(server.requests.isEmpty)
        }
    }

    @Test("A token is kept until a tenth of its life, at most a minute, before its end")
    func lifetimes() {
        #expect(TokenRequest.keepFor(3600) == .seconds(3540))
        #expect(TokenRequest.keepFor(100) == .seconds(90))
        #expect(TokenRequest.keepFor("300") == .seconds(270))
        #expect(TokenRequest.keepFor(nil) == TokenRequest.unknownLifetime)
        #expect(TokenRequest.keepFor(-5) == TokenRequest.unknownLifetime)
    }
}
