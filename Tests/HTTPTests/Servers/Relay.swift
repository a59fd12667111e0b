import NIOCore
import NIOPosix
import Support
import TestSupport

/// Passes bytes between a client and a server, until a test lets them vanish: a dead network, as TCP's ends see
/// it. As `.connectProxy` it goes where `CONNECT` says.
final class Relay: Sendable {
    enum Mode: Sendable { case to(port: Int), connectProxy }

    struct State: Sendable {
        var connections = 0
        /// Connections up to this number pass nothing on.
        var swallowedUpTo = 0
        /// Connections up to this number are closed when the client sends something.
        var brokenUpTo = 0
        /// "CONNECT host:port", as received.
        var connects: [String] = []
        /// Their `Proxy-Authorization`.
        var logins: [String] = []
        var open: [Int: any Channel] = [:]
        /// When the client last sent something.
        var heard = ContinuousClock.now
    }

    let port: Int
    let state = Observed(State())
    private let channel: any Channel

    init(_ mode: Mode) async throws {
        let state = state
        channel = try await ServerBootstrap(group: TestServer.group)
            .childChannelOption(.allowRemoteHalfClosure, value: false)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    state.update { $0.connections += 1 }
                    let number = state.value.connections
                    try channel.pipeline.syncOperations.addHandler(FrontHandler(mode, number: number, state: state))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    /// From now on nothing passes through the connections that exist.
    func blackHole() { state.update { $0.swallowedUpTo = $0.connections } }
    /// Later connections pass nothing either.
    func blackHoleForever() { state.update { $0.swallowedUpTo = .max } }

    /// The connections that exist are closed when the client sends its next request on them, not before.
    func breakAtNextRequest() { state.update { $0.brokenUpTo = $0.connections } }

    /// Closes the connections that exist; returns when both ends of ours are gone.
    func dropAll() async {
        let open = state.value.open
        for channel in open.values { try? await channel.close() }
        await state.wait { $0.open.isEmpty }
    }

    func stop() async { try? await channel.close() }
}

/// The client's side.
private final class FrontHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let mode: Relay.Mode, number: Int, state: Observed<Relay.State>
    private var back: (any Channel)?
    private var waiting = ByteBuffer()

    init(_ mode: Relay.Mode, number: Int, state: Observed<Relay.State>) {
        (self.mode, self.number, self.state) = (mode, number, state)
    }

    func channelActive(context: ChannelHandlerContext) {
        let (channel, number) = (context.channel, number)
        state.update { $0.open[number] = channel }
        if case .to(let port) = mode { connect(context, port: port) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard number > state.value.brokenUpTo else { return context.close(promise: nil) }
        guard number > state.value.swallowedUpTo else { return }
        state.update { $0.heard = .now }
        var bytes = unwrapInboundIn(data)
        if let back {
            back.writeAndFlush(bytes, promise: nil)
            return
        }
        waiting.writeBuffer(&bytes)
        guard case .connectProxy = mode else { return }
        let text = String(buffer: waiting)
        guard text.hasSuffix("\r\n\r\n") else { return }
        waiting.clear()
        let line = text.split(separator: "\r\n").first.map(String.init) ?? ""
        let login = text.split(separator: "\r\n").first { $0.lowercased().hasPrefix("proxy-authorization: ") }
        state.update {
            $0.connects.append(line)
            if let login { $0.logins.append(String(login.dropFirst(21))) }
        }
        let target = line.split(separator: " ").dropFirst().first?.split(separator: ":").last.flatMap { Int($0) }
        context.writeAndFlush(
            wrapOutboundOut(ByteBuffer(string: "HTTP/1.1 \(target == nil ? "403 No" : "200 OK")\r\n\r\n")), promise: nil
        )
        if let target { connect(context, port: target) } else { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        back?.close(promise: nil)
        let number = number
        state.update { $0.open[number] = nil }
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func connect(_ context: ChannelHandlerContext, port: Int) {
        let front = context.channel
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let number = number
        let state = state
        ClientBootstrap(group: context.eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        BackHandler(front: front, number: number, state: state))
                }
            }
            .connect(host: "127.0.0.1", port: port)
            .whenComplete { result in
                guard case .success(let channel) = result else { return front.close(promise: nil) }
                bound.value.back = channel
                if bound.value.waiting.readableBytes > 0 {
                    channel.writeAndFlush(bound.value.waiting, promise: nil)
                    bound.value.waiting.clear()
                }
            }
    }
}

/// The server's side.
private final class BackHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let front: any Channel, number: Int, state: Observed<Relay.State>

    init(front: any Channel, number: Int, state: Observed<Relay.State>) {
        (self.front, self.number, self.state) = (front, number, state)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard number > state.value.swallowedUpTo else { return }
        front.writeAndFlush(unwrapInboundIn(data), promise: nil)
    }
    func channelInactive(context: ChannelHandlerContext) { front.close(promise: nil) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
