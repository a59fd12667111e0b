import HTTP
import JSON
import Support
import Testing

@testable import FlyteAdmin

/// Repeats the request in its answer, as a server that explains too much does.
private struct Echo: HTTPTransport {
    var status: Int
    /// Makes the answer from the request.
    var answer: @Sendable (String) -> JSON

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let bearer = request.bearerToken.map { $0.withBytes { "Bearer " + String(decoding: $0, as: UTF8.self) } }
        let told = bearer ?? request.headers["Authorization"] ?? String(decoding: request.body ?? [], as: UTF8.self)
        return HTTPResponse(status: status, body: answer(told).serialized())
    }
    func open(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream {
        throw HTTPError(.closed, "not here", mayHaveBeenProcessed: false)
    }
    func close() {}
}

@Suite("Servers that repeat a credential")
struct EchoTests {
    private static let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzcXVhZHJvbiJ9.c2lnbmF0dXJl"
    private static let secret = "s3cr3t-0f-squadron"

    private func client(_ echo: Echo) -> FlyteAdminClient {
        FlyteAdminClient(endpoint: "https://a", transport: echo, authorization: .token(Sensitive(Self.token)))
    }

    @Test("flyteadmin's refusal shows nothing of the token, whatever is around it", arguments: [400, 401, 403, 503])
    func refusal(status: Int) async {
        let answers: [@Sendable (String) -> JSON] = [
            { ["message": .string("bad header: " + $0)] },
            { ["error": .string("got " + String($0.dropFirst(7)))] },
            { ["message": .string("base64 " + Base64.encode($0.utf8))] },
            // Longer than what a message may be: it must not be cut before it is looked at.
            { ["message": .string(String(repeating: "x", count: 480) + $0)] },
        ]
        for answer in answers {
            let error = await failure { _ = try await client(Echo(status: status, answer: answer)).labels() }
            let text = error.map { "\($0)" } ?? ""
            #expect(text.contains("<redacted>"), "\(text)")
            #expect(!text.contains(Self.token.prefix(20)))
            #expect(!text.contains(Base64.encode(Self.token.utf8).prefix(20)))
        }
    }

    @Test("A token in what flyteadmin lists does not get in")
    func data() async throws {
        let echo = Echo(status: 200) { ["projects": [["id": .string($0), "domains": []], ["id": "team1"]]] }
        let list = try await client(echo).projects()
        #expect(list.active.map(\.id) == ["Bearer <redacted>", "team1"])
    }

    @Test(
        "A token endpoint's refusal shows nothing of the client's secret",
        arguments: [OAuth2Tokens.ClientAuth.header, .body])
    func tokenEndpoint(clientAuth: OAuth2Tokens.ClientAuth) async {
        let echo = Echo(status: 401) {
            ["error": "invalid_client", "error_description": .string("you sent '\($0)', which is wrong")]
        }
        let credentials = OAuth2Tokens.Credentials(
            tokenURL: "https://a/token", clientID: "squadron", clientSecret: Sensitive(Self.secret),
            clientAuth: clientAuth)
        let tokens = OAuth2Tokens(credentials, transports: [echo])
        let error = await failure { _ = try await tokens.token(for: "list") }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains("<redacted>") && text.contains("which is wrong"), "\(text)")
        #expect(!text.contains(Self.secret))
        #expect(!text.contains(Base64.encode("squadron:\(Self.secret)".utf8)))
        #expect(!text.contains(Base64.encode(Self.secret.utf8).prefix(12)))
    }
}
