import NIOCore
import NIOPosix

/// Accepts connections on a loopback port. All servers of a process share one group of event loops.
enum Listener {
    /// - Parameter port: 0 for any.
    static func open(
        port: Int, core: ServerCore, link: Link, identity: ServerIdentity, limits: ServerLimits
    ) async throws -> any Channel {
        try await bootstrap { channel in
            try ConnectionPipeline.configure(channel, server: core, link: link, identity: identity, limits: limits)
        }.bind(host: "127.0.0.1", port: port).get()
    }

    /// Plain HTTP/1.1, for the control endpoint.
    static func openPlain(port: Int, server: any RequestServer) async throws -> any Channel {
        try await bootstrap { channel in
            let pipeline = channel.pipeline.syncOperations
            try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: true)
            try pipeline.addHandler(RequestHandler(server, Connection(channel), ServerLimits()))
        }.bind(host: "127.0.0.1", port: port).get()
    }

    private static func bootstrap(_ configure: @escaping @Sendable (any Channel) throws -> Void) -> ServerBootstrap {
        ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 512)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try configure(channel) }
            }
    }
}
