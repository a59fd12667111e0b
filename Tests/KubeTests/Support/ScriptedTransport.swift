import HTTP
import JSON
import Support

/// Answers requests from a script, and keeps what was sent.
final class ScriptedTransport: HTTPTransport {
    enum Reply: Sendable {
        case response(HTTPResponse)
        /// The head, then these pieces, then the end or a failure.
        case stream(status: Int = 200, headers: HTTPHeaders = [:], pieces: [[UInt8]], ending: HTTPError? = nil)
        case failure(HTTPError)

        static func json(_ json: JSON, status: Int = 200, headers: HTTPHeaders = [:]) -> Reply {
            .response(HTTPResponse(status: status, headers: headers, body: json.serialized()))
        }
        static func text(_ text: String, status: Int = 200, headers: HTTPHeaders = [:]) -> Reply {
            .response(HTTPResponse(status: status, headers: headers, body: Array(text.utf8)))
        }
    }

    private struct State {
        var requests: [HTTPRequest] = []
        var replies: [Reply]
    }
    private let state: Locked<State>
    private let fallback: @Sendable (HTTPRequest) async -> Reply

    /// The replies in order; past them every request fails.
    init(_ replies: Reply...) {
        state = Locked(State(replies: replies))
        fallback = { .failure(HTTPError(.other, "nothing is scripted for \($0.url)", mayHaveBeenProcessed: false)) }
    }

    /// A reply made for each request.
    init(answer: @escaping @Sendable (HTTPRequest) async -> Reply) {
        state = Locked(State(replies: []))
        fallback = answer
    }

    var requests: [HTTPRequest] { state.withLock { $0.requests } }

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        switch await reply(to: request) {
        case .response(let response):
            guard response.body.count <= request.maximumBodySize else {
                throw HTTPError(
                    .bodyTooLarge, "the answer is larger than \(request.maximumBodySize) bytes",
                    mayHaveBeenProcessed: true)
            }
            return response
        case .failure(let error): throw error
        case .stream(let status, let headers, let pieces, let ending):
            if let ending { throw ending }
            return HTTPResponse(status: status, headers: headers, body: Array(pieces.joined()))
        }
    }

    func open(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream {
        switch await reply(to: request) {
        case .response(let response):
            HTTPStream(status: response.status, headers: response.headers, body: Self.body([response.body], nil))
        case .failure(let error): throw error
        case .stream(let status, let headers, let pieces, let ending):
            HTTPStream(status: status, headers: headers, body: Self.body(pieces, ending))
        }
    }

    func close() {}

    private func reply(to request: HTTPRequest) async -> Reply {
        let scripted = state.withLock { state -> Reply? in
            state.requests.append(request)
            return state.replies.isEmpty ? nil : state.replies.removeFirst()
        }
        if let scripted { return scripted }
        return await fallback(request)
    }

    private static func body(_ pieces: [[UInt8]], _ ending: HTTPError?) -> HTTPBody {
        let rest = Locked(pieces[...])
        return HTTPBody { () async throws(HTTPError) in
            if let piece = rest.withLock({ $0.popFirst() }) { return piece }
            if let ending { throw ending }
            return nil
        }
    }
}
