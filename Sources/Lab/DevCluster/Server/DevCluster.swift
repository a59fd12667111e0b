import DevPKI
import JSON
import NIOCore
import Support

/// One Kubernetes API server in this process: its own port on 127.0.0.1, certificate authority, users, data and faults.
///
/// ```swift
/// let cluster = try await DevCluster.start(name: "dataplane-1")
/// let token = try cluster.makeServiceAccountToken(namespace: "flyte", name: "squadron")
/// cluster.faults.add(.status(503), match: .init(verbs: ["patch"]), count: 3)
/// ```
/// Everything may be called from any task. Of the calls that change whether it serves (`stop`, `restart`,
/// `setAvailability`) only one may run at a time. It ends with `stop()`, or with the process.
public final class DevCluster: Sendable {
    public struct Options: Sendable {
        /// 0 for any port. It is kept over restarts.
        public var port = 0
        public var link = LinkConditions()
        /// The seed of everything random: fault rates, jitter.
        public var seed: UInt64 = 1
        /// The HTTP versions that TLS offers (ALPN), best first.
        public var httpVersions = ["h2", "http/1.1"]
        public var http2MaximumConcurrentStreams = 100
        public var controllers = ControllerOptions()
        public var api = APIServer.Configuration()
        /// The number of changes from which a watch can still start.
        public var historyLimit = 4096
        /// Whether answers have the headers of API Priority and Fairness. Nothing is queued or refused for it.
        public var isFair = true
        /// How many of the last requests `requestLog.recent` keeps.
        public var requestRing = 0
        public var clock = WallClock.system
        /// The clock of delays in controllers and watches.
        public var timer: any Clock<Duration> = ContinuousClock()
        public init() {}
    }

    /// The work of kube-controller-manager beside the API server.
    public struct ControllerOptions: Sendable {
        /// The time from a namespace's creation to its `default` ServiceAccount, and from a deletion to the new one.
        /// Nil means never.
        public var defaultServiceAccountDelay: Duration? = .zero
        public var fillsTokenSecrets = true
        public var publishesRootCA = true
        public init() {}
    }

    /// Whether it takes connections.
    public enum Availability: String, Sendable, Hashable {
        case serving
        /// New connections get "connection refused". Open ones are reset.
        case refusing
        /// The host does not answer, so that connecting times out. Open connections are reset.
        case unanswering
    }

    enum Phase {
        case serving(any Channel)
        /// The server is away. The port is held, so that it is still ours when the server comes back.
        case away(ServerSocket?, Availability)
    }
    struct State {
        var phase: Phase
        /// The system's own work on the data; nil while stopped.
        var controllers: Task<Void, Never>?
        var isStopped = false
    }

    public let name: String
    public let port: Int
    /// `https://127.0.0.1:6443`.
    public var url: String { "https://127.0.0.1:\(port)" }
    /// A bearer token of the group system:masters.
    public let adminToken: String
    public var faults: FaultInjector { core.faults }
    public var requestLog: RequestLog { core.log }
    /// The data. It is another object after a restart without data.
    public var store: ObjectStore { core.api().store }
    /// For requests without the network.
    public var api: APIServer { core.api() }

    let options: Options
    let identity: ServerIdentity
    let core: ServerCore
    let network: Link
    let state: Locked<State>

    /// - Throws: if the port is taken.
    public static func start(name: String = "dev", options: Options = Options()) async throws -> DevCluster {
        let identity = try ServerIdentity(name: name, httpVersions: options.httpVersions)
        let store = Bootstrap.makeStore(options)
        let core = ServerCore(store: store, identity: identity, options: options)
        let link = Link(options.link, seed: options.seed)
        let channel = try await Listener.open(
            port: options.port, core: core, link: link, identity: identity, limits: options.limits)
        let cluster = DevCluster(name, options, identity, core, link, channel)
        cluster.startControllers()
        return cluster
    }

    private init(
        _ name: String, _ options: Options, _ identity: ServerIdentity, _ core: ServerCore, _ link: Link,
        _ channel: any Channel
    ) {
        self.name = name
        self.options = options
        self.identity = identity
        self.core = core
        network = link
        port = channel.localAddress?.port ?? options.port
        adminToken = Identifiers.random(length: 32)
        state = Locked(State(phase: .serving(channel)))
        core.authenticator.addFixed(adminToken, .admin)
    }

    deinit { state.withLock { $0.controllers }?.cancel() }

    /// Delay, jitter and silence on the way between clients and this server.
    public var link: LinkConditions {
        get { network.conditions }
        set { network.conditions = newValue }
    }

    /// TCP connections: open now, and accepted since the start.
    public var connections: (open: Int, accepted: Int) { network.counts }
}

extension DevCluster.Options {
    var limits: ServerLimits { ServerLimits(maximumConcurrentStreams: http2MaximumConcurrentStreams) }
}
