import ControlLoop
import DataPlaneAgent
import Fleet
import FlyteAdmin
import HTTP
import Kube
import KubeObjects
import Logging
import Serving
import Support
import TokenSources

/// The settings of an operator: the flags of `squadron run`.
public struct OperatorConfiguration: Sendable {
    public var namespace = "flyte"
    public var endpoint: ClusterEndpoint
    public var adminAddress = ListenAddress(host: "0.0.0.0", port: 8080)
    /// Where the metrics are served. Nil for the admin address.
    public var metricsAddress: ListenAddress?
    public var electsLeader = true
    public var probeInterval = Duration.seconds(10)
    /// Names this replica in events and the Lease.
    public var instance = LeaderElector.uniqueIdentity()
    /// The times of the election and of the watches. Tests shorten them.
    var election = ElectionConfiguration()
    var watcher = WatcherConfiguration()
    /// The budget of each data plane.
    var budget = Budget()
    /// The least time for which a deleted custom resource still counts. Tests shorten it.
    var deletionGrace = Duration.seconds(10)
    /// For how many seconds the published configuration stays as it is when a label's last credentials are away. Nil
    /// for a minute.
    var credentialPatience: Double?
    /// The access to the clouds' token services.
    public var cloud = CloudAccess()
    /// When tokens are renewed. Tests shorten it.
    var renewal = TokenRenewal.Policy()
    /// The least time between two questions to flyteadmin about a cordoned data plane. Tests shorten it.
    var executionInterval = Duration.seconds(300)
    /// The time for expiry, `since` and the Lease, as other programs read them. Never for durations.
    var wallClock = WallClock.system
    public init(endpoint: ClusterEndpoint) { self.endpoint = endpoint }
}

/// The operator: it watches the control plane's custom resources and Secrets, and makes every data plane as they say.
///
/// Every replica watches. The one that leads has a `LeaderTerm`: plan (what is wanted) → one agent for each data plane (what
/// is there, and the writes that make it so) → statuses. `EventRouter` says which change wakes which of them.
public final class SquadronOperator: Sendable {
    private let configuration: OperatorConfiguration
    private let logger: Logger
    private let client: KubeClient
    private let transport: HTTPClient
    private let informers: Informers
    private let metrics = Metrics()
    private let heartbeat = Heartbeat()
    private let leading = Locked<LeaderTerm?>(nil)
    private let stop = Signal()
    private let termEnded = Signal()

    public init(_ configuration: OperatorConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        transport = LinkFactory.transport(for: configuration.endpoint, userAgent: SquadronVersion.userAgent)
        var options = KubeClient.Options(userAgent: SquadronVersion.userAgent)
        options.counts = metrics.requests.host(ofServer: configuration.endpoint.server)
        client = KubeClient(
            server: configuration.endpoint.server, transport: transport,
            authorization: configuration.endpoint.authorization,
            options: options)
        informers = Informers(
            client: client, namespace: configuration.namespace, watcher: configuration.watcher,
            deletionGrace: configuration.deletionGrace)
    }

    /// Ends `run` in good order: work in flight is finished (within `drainTime`), and the Lease is released.
    public func shutDown() { stop.advance() }

    /// Runs until `shutDown` or cancellation. Throws if it can't start, for example because the admin address is taken.
    public func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for server in self.adminServers { group.addTask { try await server.run() } }
            group.addTask { await self.heartbeat.run() }
            group.addTask { await self.informers.run { self.watch(of: $0, became: $1) } }
            group.addTask {
                try await self.leadWhenElected()
                throw CancellationError()
            }
            group.addTask {
                await self.stop.wait(past: 0)
                // A leader first finishes its work, or its term ends.
                while !Task.isCancelled {
                    let seen = self.termEnded.generation
                    if self.leading.withLock({ $0 == nil }) { throw CancellationError() }
                    await self.termEnded.wait(past: seen)
                }
            }
            do {
                while try await group.next() != nil {}
            } catch is CancellationError {
            } catch  where Task.isCancelled {}  // a cancelled part throws, which is not a failure
            group.cancelAll()
            do { try await group.waitForAll() } catch {}
        }
        client.close()
    }

    private var adminServers: [PageServer] {
        let probes = AdminPages.probes(standstill: { self.heartbeat.standstill }, isReady: { self.informers.areReady })
        let metrics = AdminPages.metrics { self.metricsText }
        guard let apart = configuration.metricsAddress else {
            return [probes.and(metrics).server(at: configuration.adminAddress)]
        }
        return [probes.server(at: configuration.adminAddress), metrics.server("metrics", at: apart)]
    }

    /// The page at `/metrics`.
    var metricsText: String {
        let leading = leading.withLock { $0 }
        var input = MetricsInput()
        input.counts = metrics.counts
        input.isLeader = leading != nil
        input.requests = metrics.requests.all
        input.process = ProcessStatistics.read()
        input.controlPlaneQueue.workers = LeaderTerm.workers
        if let leading {
            input.conditions = informers.conditions
            input.dataPlanes = informers.metricsOfDataPlanes { leading.pool[$0]?.progressReport }
            input.controlPlaneQueue.metrics = leading.queue.metrics
            (input.dataPlaneQueues.metrics, input.dataPlaneQueues.workers) = leading.pool.queueMetrics
        }
        return MetricsPage(input).rendered
    }

    private func leadWhenElected() async throws {
        guard configuration.electsLeader else { return try await lead(.unlimited()) }
        let store = KubeLeaseStore(client, namespace: configuration.namespace, name: "squadron")
        let elector = LeaderElector(
            store, identity: configuration.instance, configuration: configuration.election,
            wallClock: configuration.wallClock
        ) { [logger] event in
            logger.info("leader election: \(event)")
        }
        try await elector.run { try await self.lead($0) }
    }

    /// Does the work of the one replica that leads.
    private func lead(_ leadership: Leadership) async throws {
        // Asked while the informers fill, since a restart takes as long as its longest chain of requests.
        async let asked = identity.find()
        let mayWrite: @Sendable () -> Bool = { leadership.isValid }
        let missing = MissingAtStart(
            informers: informers, writer: StatusWriter(client: writer(mayWrite), mayWrite: mayWrite),
            wallClock: configuration.wallClock)
        try await missing.wait()
        let term = LeaderTerm(
            LeaderTerm.Surroundings(
                configuration: configuration, informers: informers, metrics: metrics, client: writer(mayWrite),
                mayWrite: mayWrite, logger: logger))
        let uid = await asked
        if let uid { term.router.identityFound(uid) }
        leading.withLock { $0 = term }
        defer {
            leading.withLock { $0 = nil }
            termEnded.advance()
        }
        let search: @Sendable () async -> Void = { [identity] in
            if let uid = await identity.search() { term.router.identityFound(uid) }
        }
        await term.run(until: stop, identity: uid == nil ? search : nil)
    }

    private var identity: NamespaceIdentity {
        NamespaceIdentity(client: client, namespace: configuration.namespace, logger: logger)
    }

    /// A client of the control plane that sends only reads after the end of the term.
    private func writer(_ mayWrite: @escaping @Sendable () -> Bool) -> KubeClient {
        var options = client.options
        options.mayWrite = mayWrite
        return KubeClient(
            server: client.server, transport: transport, authorization: configuration.endpoint.authorization,
            options: options)
    }

    private func watch(of type: ResourceType, became status: WatcherStatus) {
        switch status {
        case .failing(let error, let attempts, let retryIn):
            logger.warning("\(error)", metadata: ["attempts": "\(attempts)", "retryIn": "\(retryIn)"])
        case .suspicious(let suspicion, _):
            logger.error("a list that is not believed", metadata: ["type": "\(type)", "suspicion": "\(suspicion)"])
        default: break
        }
    }
}
