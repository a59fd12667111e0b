/// Sends requests through libcurl. Each client has its own connections. Closing or releasing the client drops exactly
/// these, and credentials of one client never reach a connection of another.
///
/// A GET or HEAD may go out more than once, if a kept connection turns out to be dead. Any other request goes out at most
/// once.
public final class HTTPClient: HTTPTransport {
    public let configuration: HTTPClientConfiguration
    private let identity: ClientIdentity
    private let engine: HTTPEngine

    /// This is cheap: nothing is opened before the first request.
    public init(_ configuration: HTTPClientConfiguration, engine: HTTPEngine = .shared) {
        self.configuration = configuration
        self.engine = engine
        identity = ClientIdentity(configuration)
        _ = engine.mailbox.post(.register(identity))
    }

    deinit { close() }

    public func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let answer = OneShot<HTTPResponse>()
        return try await run(
            Exchange(client: identity, request: request, delivery: .whole(answer)), answer)
    }

    public func open(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream {
        let head = OneShot<ResponseHead>()
        let pipe = BodyPipe(wipes: request.answersWithSecrets)
        let reading = Reading(
            client: self, exchange: Exchange(client: identity, request: request, delivery: .stream(head, pipe)))
        let arrived = try await run(reading.exchange, head)
        return HTTPStream(
            status: arrived.status, headers: arrived.headers,
            body: HTTPBody { () async throws(HTTPError) -> [UInt8]? in try await reading.next() })
    }

    public func close() { _ = engine.mailbox.post(.unregister(identity)) }

    private func run<Value>(_ exchange: Exchange, _ answer: OneShot<Value>) async throws(HTTPError) -> Value {
        // The exchange starts before the handler is set up, so that a cancellation can't overtake the start.
        start(exchange)
        let mailbox = engine.mailbox
        let outcome = await withTaskCancellationHandler {
            await answer.outcome()
        } onCancel: {
            _ = mailbox.post(.cancel(exchange))
        }
        return try outcome.get()
    }

    private func start(_ exchange: Exchange) {
        if !engine.mailbox.post(.start(exchange)) {
            exchange.fail(HTTPError(.closed, "the HTTP engine was shut down", mayHaveBeenProcessed: false))
        }
    }

    /// A streamed body. The transfer ends when its last holder releases it.
    private final class Reading: Sendable {
        let exchange: Exchange
        /// Keeps the client, and with it the connection, for as long as the body is in use.
        private let client: HTTPClient

        init(client: HTTPClient, exchange: Exchange) {
            self.client = client
            self.exchange = exchange
        }

        deinit {
            guard case .stream(_, let body) = exchange.delivery, !body.hasEnded else { return }
            _ = client.engine.mailbox.post(.cancel(exchange))
        }

        func next() async throws(HTTPError) -> [UInt8]? {
            guard case .stream(_, let body) = exchange.delivery else { return nil }
            let mailbox = client.engine.mailbox
            let exchange = exchange
            let outcome = await withTaskCancellationHandler {
                await body.next { _ = mailbox.post(.resume(exchange)) }
            } onCancel: {
                _ = mailbox.post(.cancel(exchange))
            }
            return try outcome.get()
        }
    }
}
