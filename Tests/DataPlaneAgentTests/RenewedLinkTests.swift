import Fleet
import HTTP
import Kube
import Support
import Testing

@testable import DataPlaneAgent

@Suite("Another token over the same connections")
struct RenewedLinkTests {
    /// Counts how often it is closed.
    private final class Connection: HTTPTransport {
        let closed = Locked(0)
        let tokens = Locked<[Sensitive?]>([])
        func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
            tokens.withLock { $0.append(request.bearerToken) }
            return HTTPResponse(status: 500)
        }
        func open(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream {
            throw HTTPError(.closed, "closed", mayHaveBeenProcessed: false)
        }
        func close() { closed.withLock { $0 += 1 } }
    }

    private func settings(_ token: String, ca: String = "ca") -> LinkConfiguration {
        LinkConfiguration(
            server: .url("https://dp"), token: Sensitive(token), ca: Array(ca.utf8), connection: Fleet.Connection())
    }

    @Test("A link with another token sends that; connections last as long as either link")
    func shared() async throws {
        let connection = Connection()
        let client = KubeClient(
            server: "https://dp", transport: connection, authorization: StaticToken(Sensitive("one")),
            options: .init(userAgent: "squadron-test"))
        let first = Link(settings("one"), client: client, prober: client)
        let second = try #require(first.renewed(settings("two")))
        for link in [first, second] { _ = try? await link.client.version() }
        #expect(connection.tokens.withLock { $0 } == [Sensitive("one"), Sensitive("two")])
        // Closing one twice counts once.
        first.close()
        first.close()
        #expect(connection.closed.withLock { $0 } == 0)
        second.close()
        #expect(connection.closed.withLock { $0 } == 1)
    }

    @Test("Where more than the token is another, there is a new connection")
    func other() {
        let client = KubeClient(
            server: "https://dp", transport: Connection(), authorization: NoAuthorization(),
            options: .init(userAgent: "squadron-test"))
        let link = Link(settings("one"), client: client, prober: client)
        #expect(link.renewed(settings("one", ca: "other")) == nil)
        #expect(link.renewed(settings("two", ca: "other")) == nil)
        #expect(link.renewed(settings("one")) == nil)
    }
}
