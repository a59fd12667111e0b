import DevPKI
import HTTP
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import NIOSSL
import Support
import TestSupport

/// What a test server saw.
struct ServerLog: Sendable {
    struct Request: Sendable {
        var method: String
        var uri: String
        var version: String
        var headers: [String: String]
        var body: [UInt8]
    }
    var connectionsAccepted = 0
    var connectionsOpen = 0
    var requests: [Request] = []
    /// Requests whose exchange (h2 stream or h1 connection) is still there.
    var exchangesOpen = 0
    var mostExchangesOpen = 0
    /// Body bytes that `/endless` and `/numbered` handed to the network.
    var endlessBytes = 0
}

/// A TLS server on loopback whose answer is in the path: see `ScriptHandler`.
final class TestServer: Sendable {
    struct Options: Sendable {
        var http2 = true
        var isSecure = true
        var request = CertificateRequest(
            commonName: "server", dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"], usage: .server)
        var authority: CertificateAuthority?
        var maximumTLSVersion: TLSVersion?
        var ciphers: [NIOTLSCipher]?
        var clientAuthority: CertificateAuthority?
    }

    static let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    static let authority = Result { try CertificateAuthority(commonName: "test CA") }

    let port: Int
    let log = Observed(ServerLog())
    private let channel: any Channel
    private let authorityPEM: String
    private let isSecure: Bool

    private init(_ options: Options) async throws {
        let authority = try options.authority ?? Self.authority.get()
        let context = try options.isSecure ? Self.context(options, authority) : nil
        let log = log
        var streams = NIOHTTP2Handler.StreamConfiguration()
        // libcurl 7.88 also resets streams that have ended.
        // Not .max: NIO reserves room for as many times.
        streams.streamResetFrameRateLimit.maximumCount = 100_000
        let streamConfiguration = streams
        isSecure = options.isSecure
        authorityPEM = authority.certificatePEM
        channel = try await ServerBootstrap(group: Self.group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ConnectionCounter(log: log))
                    if let context {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    }
                }.flatMap {
                    context == nil
                        ? channel.pipeline.configureHTTPServerPipeline().flatMap {
                            channel.eventLoop.makeCompletedFuture {
                                try channel.pipeline.syncOperations.addHandler(ScriptHandler(log: log))
                            }
                        }
                        : channel.configureCommonHTTPServerPipeline(
                            connectionConfiguration: .init(), streamConfiguration: streamConfiguration
                        ) { channel in
                            channel.eventLoop.makeCompletedFuture {
                                try channel.pipeline.syncOperations.addHandler(ScriptHandler(log: log))
                            }
                        }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    static func start(_ options: Options = Options()) async throws -> TestServer { try await TestServer(options) }

    func stop() async { try? await channel.close() }

    func url(_ path: String, host: String = "127.0.0.1") -> String {
        "\(isSecure ? "https" : "http")://\(host):\(port)\(path)"
    }

    var configuration: HTTPClientConfiguration {
        HTTPClientConfiguration(
            tls: HTTP.TLSConfiguration(caCertificates: Array(authorityPEM.utf8)), allowsPlainHTTP: !isSecure)
    }

    func client(
        http2: Bool = true, engine: HTTPEngine = .shared, _ change: (inout HTTPClientConfiguration) -> Void = { _ in }
    ) -> HTTPClient {
        var configuration = configuration
        configuration.prefersHTTP2 = http2
        change(&configuration)
        return HTTPClient(configuration, engine: engine)
    }

    static func context(_ options: Options, _ authority: CertificateAuthority) throws -> NIOSSLContext {
        let issued = try authority.issue(options.request)
        var tls = NIOSSL.TLSConfiguration.makeServerConfiguration(
            certificateChain: [
                .certificate(try NIOSSLCertificate(bytes: Array(issued.certificatePEM.utf8), format: .pem))
            ],
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(issued.privateKeyPEM.utf8), format: .pem)))
        tls.applicationProtocols = options.http2 ? ["h2", "http/1.1"] : ["http/1.1"]
        if let maximum = options.maximumTLSVersion {
            tls.minimumTLSVersion = .tlsv1
            tls.maximumTLSVersion = maximum
        }
        if let ciphers = options.ciphers { tls.cipherSuiteValues = ciphers }
        if let clients = options.clientAuthority {
            tls.certificateVerification = .noHostnameVerification
            tls.trustRoots = .certificates([
                try NIOSSLCertificate(bytes: Array(clients.certificatePEM.utf8), format: .pem)
            ])
        }
        return try NIOSSLContext(configuration: tls)
    }
}

/// Counts TCP connections.
final class ConnectionCounter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let log: Observed<ServerLog>
    init(log: Observed<ServerLog>) { self.log = log }

    func channelActive(context: ChannelHandlerContext) {
        log.update {
            $0.connectionsAccepted += 1
            $0.connectionsOpen += 1
        }
        context.fireChannelActive()
    }
    func channelInactive(context: ChannelHandlerContext) {
        log.update { $0.connectionsOpen -= 1 }
        context.fireChannelInactive()
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
