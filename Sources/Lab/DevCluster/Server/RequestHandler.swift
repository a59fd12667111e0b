import NIOCore
import NIOHTTP1

/// Takes whole requests and answers them through the writer. Called on the connection's event loop.
protocol RequestServer: AnyObject, Sendable {
    func serve(_ request: IncomingRequest, connection: Connection, writer: ResponseWriter) async
}

/// A request as it came off the wire.
struct IncomingRequest: Sendable {
    var api: APIRequest
    /// The body was longer than allowed and has not been kept.
    var isTooLarge = false
}

/// Collects the parts of a request and hands it on, one request at a time (HTTP/1.1 pipelining is held back before it).
final class RequestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        case idle
        case reading(HTTPRequestHead, body: [UInt8])
        case answering(Task<Void, Never>, ResponseWriter)
        /// The rest of a body that is too large is dropped, since the answer is on its way.
        case draining(Task<Void, Never>, ResponseWriter)
    }

    private let server: any RequestServer
    private let connection: Connection
    private let limits: ServerLimits
    private var state = State.idle

    init(_ server: any RequestServer, _ connection: Connection, _ limits: ServerLimits) {
        self.server = server
        self.connection = connection
        self.limits = limits
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), state) {
        case (.head(let head), _):
            if head.headers.first(name: "expect")?.lowercased() == "100-continue" {
                context.writeAndFlush(
                    wrapOutboundOut(.head(.init(version: head.version, status: .continue))), promise: nil)
            }
            state = .reading(head, body: [])
        case (.body(let part), .reading(let head, var body)):
            state = .idle  // keeps `body` uniquely referenced
            guard body.count + part.readableBytes <= limits.maximumBodySize else {
                start(context, head, body: [], isTooLarge: true)
                return
            }
            body.append(contentsOf: part.readableBytesView)
            state = .reading(head, body: body)
        case (.end, .reading(let head, let body)):
            state = .idle
            start(context, head, body: body, isTooLarge: false)
        case (.end, .draining(let task, let writer)):
            state = .answering(task, writer)
        case (.body, _), (.end, _):
            break
        }
    }

    private func start(_ context: ChannelHandlerContext, _ head: HTTPRequestHead, body: [UInt8], isTooLarge: Bool) {
        var headers: [String: String] = [:]
        for (name, value) in head.headers {
            let key = name.lowercased()
            headers[key] = headers[key].map { "\($0), \(value)" } ?? value
        }
        let request = IncomingRequest(
            api: APIRequest(method: head.method.rawValue, target: head.uri, headers: headers, body: body),
            isTooLarge: isTooLarge)
        let writer = ResponseWriter(
            context: context, connection: connection.channel, version: head.version, isHead: head.method == .HEAD,
            keepsAlive: head.isKeepAlive && !isTooLarge)
        let (server, bound) = (server, NIOLoopBound(connection, eventLoop: context.eventLoop))
        // This is the one place where callbacks start async code. The task ends with the response, or is cancelled when
        // the client goes away.
        let task = Task(executorPreference: connection.executor) {
            await server.serve(request, connection: bound.value, writer: writer)
            writer.finish()
        }
        writer.task = task
        state = isTooLarge ? .draining(task, writer) : .answering(task, writer)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        writer?.wake()
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        switch state {
        case .answering(let task, let writer), .draining(let task, let writer):
            writer.connectionIsGone()
            task.cancel()
        case .idle, .reading: break
        }
        state = .idle
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private var writer: ResponseWriter? {
        switch state {
        case .answering(_, let writer), .draining(_, let writer): writer
        case .idle, .reading: nil
        }
    }
}
