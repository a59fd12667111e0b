import NIOCore
import NIOPosix
import Support

/// Passes bytes between the operator and a server, at an address of its own, until a test lets it do something worse.
final class Relay: Sendable {
    enum Way: Sendable {
        case passing
        /// Each new connection is closed at once.
        case refusing
        /// New connections are accepted, and what is sent vanishes.
        case swallowing
    }

    private struct State {
        var way: Way
        /// The connections that stand; true: dead, without a word to either end.
        var open: [ObjectIdentifier: (channel: any Channel, isDead: Bool)] = [:]
    }

    let port: Int
    private let state: Locked<State>
    private let channel: any Channel

    init(to target: Int, _ way: Way = .passing) async throws {
        let state = Locked(State(way: way))
        self.state = state
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                let way = state.withLock { state in
                    state.open[ObjectIdentifier(channel)] = (channel, state.way == .swallowing)
                    return state.way
                }
                channel.closeFuture.whenComplete { _ in
                    state.withLock { _ = $0.open.removeValue(forKey: ObjectIdentifier(channel)) }
                }
                if way == .refusing { return channel.close() }
                let isDead: @Sendable () -> Bool = {
                    state.withLock { $0.open[ObjectIdentifier(channel)]?.isDead ?? true }
                }
                // On the same event loop, so that neither end has to wait for the other.
                return ClientBootstrap(group: channel.eventLoop)
                    .channelInitializer { back in
                        back.eventLoop.makeCompletedFuture {
                            try back.pipeline.syncOperations.addHandler(PassOn(to: channel, unless: isDead))
                        }
                    }
                    .connect(host: "127.0.0.1", port: target)
                    .flatMap { back in
                        channel.eventLoop.makeCompletedFuture {
                            try channel.pipeline.syncOperations.addHandler(PassOn(to: back, unless: isDead))
                        }
                    }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    /// What happens to connections that come from now on; those that stand stay as they are.
    var way: Way {
        get { state.withLock { $0.way } }
        set { state.withLock { $0.way = newValue } }
    }

    /// Half-open: from now on the connections that stand take bytes and pass nothing on, whatever comes after.
    func killSilently() { state.withLock { state in for id in state.open.keys { state.open[id]?.isDead = true } } }

    /// Closes the connections that stand.
    func drop() async {
        for (channel, _) in state.withLock({ Array($0.open.values) }) { try? await channel.close() }
    }

    var connections: (alive: Int, dead: Int) {
        state.withLock { state in
            let dead = state.open.values.count { $0.isDead }
            return (state.open.count - dead, dead)
        }
    }

    func stop() async {
        try? await channel.close()
        await drop()
    }

    final class PassOn: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let other: any Channel
        private let isDead: @Sendable () -> Bool

        init(to other: any Channel, unless isDead: @escaping @Sendable () -> Bool) {
            self.other = other
            self.isDead = isDead
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard !isDead() else { return }
            other.writeAndFlush(unwrapInboundIn(data), promise: nil)
        }
        func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
