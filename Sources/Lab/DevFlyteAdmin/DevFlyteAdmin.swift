import DevPKI
import JSON
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Support

/// The part of flyteadmin's REST API that projects, attributes and executions need, in memory, on loopback. It is for the
/// demo and the tests, and never part of the operator.
///
/// It copies what surprises in the real flyteadmin: answers with less specific rows, a delete that takes more rows than
/// asked for, the error texts, and the paths that need no token. `AnswersTests` compares it with recorded answers of
/// v1.16.8.
public final class DevFlyteAdmin: Sendable {
    public struct OAuth2: Sendable {
        public enum Style: Sendable { case any, header, body }
        public var clientID: String
        public var clientSecret: String
        public var scopes: [String] = ["all"]
        public var lifetime = Duration.seconds(3600)
        /// How the client may authenticate.
        public var style = Style.any
        /// The hosts of `authorizedUris`, without a port. Empty for any host.
        public var authorizedHosts: [String] = []
        public init(clientID: String, clientSecret: String) {
            self.clientID = clientID
            self.clientSecret = clientSecret
        }
    }

    /// The version that it answers as. 1.10 always spells names in camel case, ignores unknown fields, and knows
    /// neither `GET /projects/{id}` nor `/domains`.
    public enum Version: String, Sendable {
        case v1_10 = "v1.10.7"
        case v1_16 = "v1.16.8"
    }

    public struct Options: Sendable {
        public var port = 0
        public var version = Version.v1_16
        /// Gives the time of an execution's launch.
        public var clock = WallClock.system
        public var projects = ["flytesnacks"]
        public var domains = ["development", "staging", "production"]
        /// A bearer token that is required.
        public var token: String?
        public var oauth2: OAuth2?
        /// Serves TLS with a certificate for localhost and 127.0.0.1.
        public var authority: CertificateAuthority?
        /// Called for each request that was answered, on an event loop.
        public var observer: (@Sendable (LoggedRequest) -> Void)?
        public init() {}
    }

    public struct LoggedRequest: Sendable, Hashable {
        public var method: String
        public var path: String
        /// 0 if it got no answer.
        public var status: Int
    }

    private struct State {
        var tables: Tables
        var tokens: TokenServer?
        var faults: [FaultRule] = []
        var requests: [LoggedRequest] = []
        var listener: (any Channel)?
        var connections: [ObjectIdentifier: any Channel] = [:]
    }

    /// `http://127.0.0.1:8088`.
    public var url: String { "\(options.authority == nil ? "http" : "https")://127.0.0.1:\(port)" }
    public var tokenURL: String { url + "/oauth2/token" }
    public let port: Int
    private let options: Options
    private let tls: NIOSSLContext?
    private let state: Locked<State>

    public static func start(_ options: Options = Options()) async throws -> DevFlyteAdmin {
        let tls = try options.authority.map(Self.context)
        let state = Locked(
            State(
                tables: Tables(projects: options.projects, domains: options.domains),
                tokens: options.oauth2.map { TokenServer($0) }))
        // The port is known only once the server listens, and the connections need the server.
        let box = Locked<DevFlyteAdmin?>(nil)
        let listener = try await Self.listen(options.port, tls) { box.withLock { $0 } }
        let server = DevFlyteAdmin(listener.localAddress?.port ?? 0, options, tls, state)
        box.withLock { $0 = server }
        state.withLock { $0.listener = listener }
        return server
    }

    private init(_ port: Int, _ options: Options, _ tls: NIOSSLContext?, _ state: Locked<State>) {
        (self.port, self.options, self.tls, self.state) = (port, options, tls, state)
    }

    /// From now on connections are refused, and open ones are closed. The data stays.
    public func stop() async {
        let (listener, connections) = state.withLock { state in
            defer { (state.listener, state.connections) = (nil, [:]) }
            return (state.listener, Array(state.connections.values))
        }
        try? await listener?.close()
        for connection in connections { connection.close(promise: nil) }
    }

    /// Serves again, on the same port.
    public func resume() async throws {
        let listener = try await Self.listen(port, tls) { [weak self] in self }
        state.withLock { $0.listener = listener }
    }

    /// Reads and changes the data, as a user with flytectl would.
    @discardableResult
    public func edit<Result: Sendable>(_ change: @Sendable (inout Tables) -> Result) -> Result {
        state.withLock { change(&$0.tables) }
    }
    public var tables: Tables { state.withLock { $0.tables } }

    public func add(_ rule: FaultRule) { state.withLock { $0.faults.append(rule) } }
    public func heal() { state.withLock { $0.faults = [] } }

    public var requests: [LoggedRequest] { state.withLock { $0.requests } }
    public func forgetRequests() { state.withLock { $0.requests = [] } }
    /// Requests that could have changed something.
    public var writes: [LoggedRequest] { requests.filter { $0.method != "GET" && !$0.path.hasPrefix("/oauth2/") } }

    public var tokensIssued: Int { state.withLock { $0.tokens?.count ?? 0 } }
    public func revokeTokens() { state.withLock { $0.tokens?.revokeAll() } }

    // MARK: Serving

    enum Delivery {
        case answer(Answer, after: Duration)
        case close
        case nothing
        case endless
    }

    private static let start = ContinuousClock().now

    func handle(_ request: Request) -> Delivery {
        let now = Self.start.duration(to: ContinuousClock().now)
        let (delivery, entry) = state.withLock { state -> (Delivery, LoggedRequest) in
            let delivery = Self.decide(request, options, &state, now)
            var status = 0
            if case .answer(let answer, _) = delivery { status = answer.status }
            let entry = LoggedRequest(method: request.method, path: request.path, status: status)
            state.requests.append(entry)
            return (delivery, entry)
        }
        options.observer?(entry)
        return delivery
    }

    private static func decide(
        _ request: Request, _ options: Options, _ state: inout State, _ now: Duration
    ) -> Delivery {
        let fault = state.faults.take(request)
        switch fault {
        case .html:
            let page = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body></body></html>"
            return .answer(Answer(200, text: page, type: "text/html; charset=utf-8"), after: .zero)
        case .status(let status):
            let page = "<html><head><title>\(status)</title></head><body>nginx</body></html>"
            return .answer(Answer(status, text: page, type: "text/html"), after: .zero)
        case .redirect:
            let elsewhere = ("Location", "http://127.0.0.1:9/login")
            return .answer(Answer(302, headers: [elsewhere], text: "", type: "text/plain"), after: .zero)
        case .otherJSON: return .answer(Answer(200, ["status": "ok"]), after: .zero)
        case .empty: return .answer(Answer(200, text: "", type: "application/json"), after: .zero)
        case .hang: return .nothing
        case .endless: return .endless
        case .slow, .loseAnswer, nil: break
        }
        let answer = answer(request, options, &state, now)
        switch fault {
        case .slow(let delay): return .answer(answer, after: delay)
        case .loseAnswer: return .close
        default: return .answer(answer, after: .zero)
        }
    }

    private static func answer(_ request: Request, _ options: Options, _ state: inout State, _ now: Duration) -> Answer
    {
        if request.path == "/healthcheck" { return Answer(200, text: "", type: "text/plain") }
        let url = (options.authority == nil ? "http://" : "https://") + (request.headers["host"] ?? "")
        if request.path == "/oauth2/token", let answer = state.tokens?.answer(request, at: url, now: now) {
            return answer
        }
        if let why = Self.refusal(request, options, state.tokens, url, now) {
            let failure = GRPCFailure.unauthenticated(
                "token parse error [id token err: \(missing("id", "IDToken"))] | [access token err: \(why)]")
            return Answer(failure.status, failure.json)
        }
        return RestAPI(request, version: options.version, now: options.clock.now).answer(&state.tables)
    }

    /// Why the request's token is refused. Nil if it is accepted.
    private static func refusal(
        _ request: Request, _ options: Options, _ tokens: TokenServer?, _ url: String, _ now: Duration
    ) -> String? {
        if options.token == nil, tokens == nil { return nil }
        let bearer = request.headers["authorization"].flatMap {
            $0.hasPrefix("Bearer ") ? String($0.dropFirst(7)) : nil
        }
        guard let bearer else { return missing("bearer", "Bearer") }
        if bearer == options.token { return nil }
        return tokens.map { $0.problem(of: bearer, at: url, now: now) }
            ?? "token contains an invalid number of segments"
    }

    private static func missing(_ token: String, _ scheme: String) -> String {
        "[JWT_VERIFICATION_FAILED] Could not retrieve \(token) token from metadata, caused by: rpc error: code = "
            + "Unauthenticated desc = Request unauthenticated with \(scheme)"
    }

    func opened(_ channel: any Channel) {
        let isServing = state.withLock { state in
            state.connections[ObjectIdentifier(channel)] = channel
            return state.listener != nil
        }
        if !isServing { channel.close(promise: nil) }
    }
    func closed(_ channel: any Channel) {
        state.withLock { $0.connections[ObjectIdentifier(channel)] = nil }
    }

    private static func listen(
        _ port: Int, _ tls: NIOSSLContext?, _ server: @escaping @Sendable () -> DevFlyteAdmin?
    ) async throws -> any Channel {
        try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandler(RequestHandler(server))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
    }

    private static func context(_ authority: CertificateAuthority) throws -> NIOSSLContext {
        let issued = try authority.issue(
            CertificateRequest(
                commonName: "flyteadmin", dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"], usage: .server))
        let chain = [try NIOSSLCertificate(bytes: Array(issued.certificatePEM.utf8), format: .pem)]
        let key = try NIOSSLPrivateKey(bytes: Array(issued.privateKeyPEM.utf8), format: .pem)
        return try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key)))
    }
}
