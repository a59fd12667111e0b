import NIOCore
import NIOHTTP1
import NIOPosix

/// `/healthz`, `/readyz` and `/metrics`. What is remote does not decide them: an outage of a data plane or of the control
/// plane is no reason to restart the operator.
struct AdminServer: Sendable {
    /// The admin address can't be listened at.
    struct CannotListen: Error, CustomStringConvertible {
        var description: String
    }

    let host: String
    /// 0: any that is free.
    let port: UInt16
    let isReady: @Sendable () -> Bool
    let metrics: @Sendable () -> String

    /// Serves until the task is cancelled. `bound` is told the port.
    func run(bound: @Sendable (Int) -> Void = { _ in }) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            try await serve(on: group, bound)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        try? await group.shutdownGracefully()
    }

    private func serve(on group: any EventLoopGroup, _ bound: @Sendable (Int) -> Void) async throws {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    // Nobody holds a connection without asking anything; probes and scrapes come more often.
                    try pipeline.addHandler(IdleStateHandler(allTimeout: .seconds(120)))
                    try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
                    try pipeline.addHandler(AdminHandler(server: self))
                }
            }
        let channel: any Channel
        do {
            channel = try await bootstrap.bind(host: host, port: Int(port)).get()
        } catch {
            throw CannotListen(description: "the admin address \(host):\(port): \(error)")
        }
        bound(channel.localAddress?.port ?? Int(port))
        await withTaskCancellationHandler {
            try? await channel.closeFuture.get()
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    /// What is answered; nil for a path that isn't there.
    fileprivate func answer(_ path: Substring) -> (status: HTTPResponseStatus, type: String, text: String)? {
        switch path {
        case "/healthz": (.ok, "text/plain", "ok\n")
        case "/readyz":
            isReady()
                ? (.ok, "text/plain", "ok\n")
                : (.serviceUnavailable, "text/plain", "the caches are not complete yet\n")
        case "/metrics": (.ok, "text/plain; version=0.0.4", metrics())
        default: nil
        }
    }
}

private final class AdminHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let server: AdminServer
    private var request: HTTPRequestHead?

    init(server: AdminServer) { self.server = server }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): request = head
        case .body: break
        case .end:
            guard let request else { return }
            self.request = nil
            answer(request, context)
        }
    }

    private func answer(_ request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let path = request.uri.prefix { $0 != "?" }
        let isRead = request.method == .GET || request.method == .HEAD
        let (status, type, text) =
            !isRead
            ? (.methodNotAllowed, "text/plain", "only GET\n")
            : server.answer(path) ?? (.notFound, "text/plain", "there are /healthz, /readyz and /metrics\n")
        var head = HTTPResponseHead(version: request.version, status: status)
        head.headers.add(name: "content-type", value: type)
        head.headers.add(name: "content-length", value: String(text.utf8.count))
        if !isRead { head.headers.add(name: "allow", value: "GET, HEAD") }
        if !request.isKeepAlive { head.headers.add(name: "connection", value: "close") }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
        }
        let context = NIOLoopBound(context, eventLoop: context.eventLoop)
        let written = context.value.writeAndFlush(wrapOutboundOut(.end(nil)))
        if !request.isKeepAlive { written.whenComplete { _ in context.value.close(promise: nil) } }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
