import Foundation
import NIOCore
import NIOPosix
import Support

/// A proxy that opens tunnels (`CONNECT`) for a user with a password. To all others it says what it got from them.
final class PasswordProxy: Sendable {
    struct Seen: Sendable {
        /// Where the tunnels lead, as the requests say it.
        var tunnels: [String] = []
        var refusals = 0
    }

    let port: Int
    private let state: Locked<(login: String, seen: Seen)>
    private let open = Locked<[ObjectIdentifier: any Channel]>([:])
    private let channel: any Channel

    /// - Parameter login: user:password.
    init(_ login: String) async throws {
        let state = Locked((login: login, seen: Seen()))
        let open = open
        self.state = state
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                open.withLock { $0[ObjectIdentifier(channel)] = channel }
                channel.closeFuture.whenComplete { _ in
                    open.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(channel)) }
                }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Front { target, login in
                            state.withLock { state in
                                let isRight = login == Data(state.login.utf8).base64EncodedString()
                                if isRight { state.seen.tunnels.append(target) } else { state.seen.refusals += 1 }
                                return isRight
                            }
                        })
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    var url: String { "http://127.0.0.1:\(port)" }
    var seen: Seen { state.withLock { $0.seen } }

    /// Another password from now on. The tunnels that stand are closed.
    func change(_ login: String) async {
        state.withLock { $0.login = login }
        for channel in open.withLock({ Array($0.values) }) { try? await channel.close() }
    }

    func stop() async {
        try? await channel.close()
        await change("")
    }

    private final class Front: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let admits: (String, String) -> Bool
        private var heard = ""

        init(_ admits: @escaping (String, String) -> Bool) { self.admits = admits }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            heard += String(buffer: unwrapInboundIn(data))
            guard heard.hasSuffix("\r\n\r\n") else { return }
            let lines = heard.split(separator: "\r\n")
            let target = lines[0].split(separator: " ").dropFirst().first.map(String.init) ?? ""
            let name = "proxy-authorization: basic "
            let login = lines.first { $0.lowercased().hasPrefix(name) }.map { String($0.dropFirst(name.count)) } ?? ""
            guard admits(target, login) else {
                let text = "HTTP/1.1 407 not \(login)\r\nProxy-Authenticate: Basic realm=\"\(login)\"\r\n"
                context.writeAndFlush(
                    wrapOutboundOut(ByteBuffer(string: "\(text)Content-Length: \(login.count)\r\n\r\n\(login)")),
                    promise: nil)
                return context.close(promise: nil)
            }
            let front = context.channel
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            ClientBootstrap(group: context.eventLoop)
                .channelInitializer { back in
                    back.eventLoop.makeCompletedFuture {
                        try back.pipeline.syncOperations.addHandler(Relay.PassOn(to: front) { false })
                    }
                }
                .connect(host: "127.0.0.1", port: target.split(separator: ":").last.flatMap { Int($0) } ?? 0)
                .whenComplete { result in
                    guard case .success(let back) = result else { return front.close(promise: nil) }
                    front.writeAndFlush(ByteBuffer(string: "HTTP/1.1 200 OK\r\n\r\n"), promise: nil)
                    try? front.pipeline.syncOperations.addHandler(Relay.PassOn(to: back) { false })
                    front.pipeline.syncOperations.removeHandler(bound.value, promise: nil)
                }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
