import NIOCore
import NIOHTTP1

/// Collects a request of one connection, gets its answer and writes it.
final class RequestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private static let bodyLimit = 1 << 20
    private let server: () -> DevFlyteAdmin?
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(_ server: @escaping () -> DevFlyteAdmin?) { self.server = server }

    func channelActive(context: ChannelHandlerContext) {
        server()?.opened(context.channel)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        server()?.closed(context.channel)
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let new): (head, body) = (new, [])
        case .body(let buffer):
            guard body.count + buffer.readableBytes <= Self.bodyLimit else { return context.close(promise: nil) }
            body += buffer.readableBytesView
        case .end:
            guard let head else { return }
            deliver(server()?.handle(request(head)) ?? .close, context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func request(_ head: HTTPRequestHead) -> Request {
        let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let headers = Dictionary(
            head.headers.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { first, _ in first })
        return Request(
            method: head.method.rawValue, path: Form.decode(String(parts.first ?? ""), plusIsSpace: false),
            rawQuery: parts.count > 1 ? String(parts[1]) : "",
            query: parts.count > 1 ? Form.parse(String(parts[1])) : [:], headers: headers, body: body)
    }

    private func deliver(_ delivery: DevFlyteAdmin.Delivery, _ context: ChannelHandlerContext) {
        switch delivery {
        case .nothing: return
        case .close: context.close(promise: nil)
        case .answer(let answer, let delay):
            if delay == .zero { return write(answer, context) }
            let (seconds, attoseconds) = delay.components
            let wait = TimeAmount.nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
            context.eventLoop.assumeIsolated().scheduleTask(in: wait) { self.write(answer, context) }
        case .endless:
            let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["Content-Type": "application/json"])
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            drip(context)
        }
    }

    private func write(_ answer: Answer, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        var head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: answer.status))
        for (name, value) in answer.headers { head.headers.add(name: name, value: value) }
        head.headers.replaceOrAdd(name: "Content-Length", value: String(answer.body.count))
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    /// Sends one piece after the other, as long as the client reads.
    private func drip(_ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        let piece = ByteBuffer(repeating: UInt8(ascii: " "), count: 64 << 10)
        let written = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(piece))), promise: written)
        written.futureResult.assumeIsolated().whenSuccess { self.drip(context) }
    }
}
