import NIOCore
import NIOPosix
import NIOSSL
import Support
import TestSupport

/// A server over TLS that speaks just enough HTTP/2 to notice a request. It answers with the frames of a script, whatever
/// they are.
final class FrameServer: Sendable {
    let port: Int
    let script = Locked(FrameScript())
    let connections = Observed(0)
    private let channel: any Channel

    init() async throws {
        let context = try TestServer.context(TestServer.Options(), TestServer.authority.get())
        let (script, connections) = (script, connections)
        channel = try await ServerBootstrap(group: TestServer.group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    connections.update { $0 += 1 }
                    channel.closeFuture.whenComplete { _ in connections.update { $0 -= 1 } }
                    try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    try channel.pipeline.syncOperations.addHandler(FrameHandler(script.withLock { $0 }))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    var url: String { "https://127.0.0.1:\(port)/api" }

    func stop() async { try? await channel.close() }
}

private final class FrameHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let script: FrameScript
    private var heard: [UInt8] = []
    private var hasAnswered = false
    /// The endless part, often enough to fill a record.
    private let flood: ByteBuffer

    init(_ script: FrameScript) {
        self.script = script
        let once = script.endless.flatMap(\.bytes)
        var flood = ByteBuffer()
        while !once.isEmpty, flood.readableBytes < 16_384 { flood.writeBytes(once) }
        self.flood = flood
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasAnswered else { return }
        heard += unwrapInboundIn(data).readableBytesView
        // The client's preface has 24 bytes. Frames follow; the first HEADERS is a request.
        var place = 24
        while heard.count >= place + 9 {
            if heard[place + 3] == 1 { return answer(context) }
            place += 9 + heard[place..<(place + 3)].reduce(0) { $0 << 8 | Int($1) }
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) { later(context) { $0.pour($1) } }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func later(
        _ context: ChannelHandlerContext, _ body: @escaping (FrameHandler, ChannelHandlerContext) -> Void
    ) {
        let bound = NIOLoopBound((self, context, body), eventLoop: context.eventLoop)
        context.eventLoop.execute {
            let (handler, context, body) = bound.value
            body(handler, context)
        }
    }

    private func answer(_ context: ChannelHandlerContext) {
        hasAnswered = true
        let bytes = script.opening
        let piece = script.piece ?? max(1, bytes.count)
        for start in stride(from: 0, to: bytes.count, by: piece) {
            let end = min(start + piece, bytes.count)
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes[start..<end])), promise: nil)
        }
        pour(context)
    }

    /// A few records a turn: the end of the channel only arrives between two turns.
    private func pour(_ context: ChannelHandlerContext) {
        guard hasAnswered, context.channel.isActive else { return }
        guard flood.readableBytes > 0 else {
            if script.closes { context.close(promise: nil) }
            return
        }
        for _ in 0..<8 {
            guard context.channel.isWritable, context.channel.isActive else { return }
            context.writeAndFlush(wrapOutboundOut(flood), promise: nil)
        }
        later(context) { $0.pour($1) }
    }
}
