import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOSSL
import NIOTLS

/// The state that the requests of one connection share. It is used only on the connection's event loop.
final class Connection {
    let channel: any Channel
    let executor: EventLoopExecutor
    /// The client's certificate in DER, once the handshake is over.
    var clientCertificate: [UInt8]?
    /// The identity of that certificate. It is verified at the first request without a token.
    var clientIdentity: ClientIdentity?

    init(_ channel: any Channel) {
        self.channel = channel
        executor = EventLoopExecutor(channel.eventLoop)
    }
}

/// Builds the handlers of a connection: link → TLS → HTTP/2 or HTTP/1.1 → requests.
enum ConnectionPipeline {
    static func configure(
        _ channel: any Channel, server: any RequestServer, link: Link, identity: ServerIdentity, limits: ServerLimits
    ) throws {
        let connection = NIOLoopBound(Connection(channel), eventLoop: channel.eventLoop)
        let tls = NIOSSLServerHandler(
            context: try identity.context(),
            customVerificationCallback: { _, promise in promise.succeed(.certificateVerified) })
        let negotiation = ApplicationProtocolNegotiationHandler { result, channel in
            channel.eventLoop.makeCompletedFuture {
                let pipeline = channel.pipeline.syncOperations
                let certificate = try pipeline.handler(type: NIOSSLServerHandler.self).peerCertificate
                connection.value.clientCertificate = try certificate?.toDERBytes()
                if case .negotiated("h2") = result {
                    try configureHTTP2(channel, connection: connection, server: server, limits: limits)
                } else {
                    try pipeline.configureHTTPServerPipeline(
                        withPipeliningAssistance: true, withOutboundHeaderValidation: false)
                    try pipeline.addHandler(RequestHandler(server, connection.value, limits))
                }
            }
        }
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(LinkHandler(link))
        try pipeline.addHandler(tls)
        try pipeline.addHandler(negotiation)
        try pipeline.addHandler(ErrorCloser())
    }

    private static func configureHTTP2(
        _ channel: any Channel, connection: NIOLoopBound<Connection>, server: any RequestServer, limits: ServerLimits
    ) throws {
        var http2 = NIOHTTP2Handler.ConnectionConfiguration()
        http2.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: limits.maximumConcurrentStreams),
            HTTP2Setting(parameter: .maxHeaderListSize, value: limits.maximumHeaderSize),
            HTTP2Setting(parameter: .initialWindowSize, value: 256 << 10),
        ]
        http2.targetWindowSize = 1 << 20
        // The guards against abusive clients are for servers on the Internet. Here a test that cancels a thousand
        // requests is not an attack.
        http2.maximumRecentlyResetStreams = 10_000
        // Our own headers are right. A client's headers are checked where they are used.
        http2.headerBlockValidation = .disabled
        http2.contentLengthValidation = .disabled
        var stream = NIOHTTP2Handler.StreamConfiguration()
        stream.targetWindowSize = 256 << 10
        stream.outboundBufferSizeHighWatermark = 256 << 10
        stream.outboundBufferSizeLowWatermark = 64 << 10
        stream.streamResetFrameRateLimit.maximumCount = 1_000
        stream.streamErrorRateLimit.maximumCount = 1_000
        stream.streamResetFrameRateLimit.windowLength = .seconds(1)
        stream.streamErrorRateLimit.windowLength = .seconds(1)
        _ = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
            mode: .server, connectionConfiguration: http2, streamConfiguration: stream
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                try stream.pipeline.syncOperations.addHandlers(
                    HTTP2FramePayloadToHTTP1ServerCodec(), RequestHandler(server, connection.value, limits))
            }
        }
    }
}

/// The limits of one server, as in kube-apiserver.
struct ServerLimits: Sendable {
    var maximumConcurrentStreams = 100
    var maximumHeaderSize = 64 << 10
    /// 3 MiB, as `MaxRequestBodyBytes`.
    var maximumBodySize = 3 << 20
}

/// Closes, quietly, a connection that failed (a client that does not trust us, garbage instead of TLS).
private final class ErrorCloser: ChannelInboundHandler {
    typealias InboundIn = NIOAny
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
