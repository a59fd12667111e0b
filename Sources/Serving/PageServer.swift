import NIOCore
import NIOHTTP1
import NIOPosix

/// Limits what a client can use. Anybody may connect, so nothing here may grow with what they send: the bound is
/// `connections` × (`requestBytes` + one page that all share).
public struct PageLimits: Sendable {
    /// The most connections at a time. One more ends the connection that has waited longest for a request. So a client
    /// that sends its request at once, as the kubelet does, is answered however many connections others hold.
    public var connections = 32
    /// The most bytes of a request up to the end of its headers. A request has no body.
    public var requestBytes = 8 * 1024
    /// The time until a request's headers end, from the start of the connection or from the request's first byte.
    public var requestTime = Duration.seconds(5)
    /// The time between two requests. Probes and scrapes come more often.
    public var idleTime = Duration.seconds(60)
    /// The time until the client has taken the answer, or one piece of a stream.
    public var answerTime = Duration.seconds(10)
    /// A stream without news sends its beat after this time.
    public var streamPause = Duration.seconds(15)

    public init() {}
}

/// Serves pages over HTTP/1.1. Only GET and HEAD get to a page.
public struct PageServer: Sendable {
    /// The server can't listen on the address.
    public struct CannotListen: Error, CustomStringConvertible {
        public var description: String
    }
    /// Called on the server's own thread, so it must be quick and not block.
    public typealias Answering = @Sendable (PageRequest) -> PageAnswer

    /// The purpose of the address, for errors.
    let name: String
    let address: ListenAddress
    let limits: PageLimits
    let answer: Answering

    public init(
        name: String = "admin", address: ListenAddress, limits: PageLimits = PageLimits(), answer: @escaping Answering
    ) {
        (self.name, self.address, self.limits, self.answer) = (name, address, limits, answer)
    }

    /// Serves until the task is cancelled. It calls `bound` with the port.
    public func run(bound: @Sendable (Int) -> Void = { _ in }) async throws {
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
        let open = PageConnections(limit: limits.connections)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // Bytes are counted before the parser keeps them, so they are read in small pieces.
            .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 2048))
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let connection = PageConnection(answer: answer, limits: limits, open: open)
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(RequestMeter(connection))
                    // There is no pipelining: the next request is read only after the answer was sent.
                    try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: false, withErrorHandling: true)
                    try pipeline.addHandler(connection)
                }
            }
        let channel = try await bind(bootstrap)
        bound(channel.localAddress?.port ?? Int(address.port))
        await withTaskCancellationHandler {
            try? await channel.closeFuture.get()
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    private func bind(_ bootstrap: ServerBootstrap) async throws -> any Channel {
        var failure = CannotListen(description: "the \(name) address \(address)")
        for host in address.hosts {
            do {
                return try await bootstrap.bind(host: host, port: Int(address.port)).get()
            } catch {
                failure = CannotListen(description: "the \(name) address \(address): \(error)")
            }
        }
        throw failure
    }
}
