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
/// In reading order: caches → plan (what is wanted) → one session for each data plane (what exists there, and the
/// writes that change it) → statuses. `EventRouter` says which change wakes which of them.
public final class SquadronOperator: Sendable {
    private let configuration: OperatorConfiguration
    private let logger: Logger
    private let client: KubeClient
    private let transport: HTTPClient
    private let caches: Caches
    private let metrics = Metrics()
    private let heartbeat = Heartbeat()
    private let leading = Locked<(pool: SessionPool, queue: WorkQueue<Work>)?>(nil)
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
        caches = Caches(
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
            group.addTask { await self.caches.run { self.watch(of: $0, became: $1) } }
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
        let probes = AdminPages.probes(standstill: { self.heartbeat.standstill }, isReady: { self.caches.areReady })
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
        input.controlPlaneQueue.workers = Self.workers
        if let leading {
            input.conditions = caches.conditions
            input.dataPlanes = caches.metricsOfDataPlanes { leading.pool[$0]?.progress }
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
        // Asked while the caches fill, since a restart takes as long as its longest chain of requests.
        async let asked = namespaceUID()
        let mayWrite: @Sendable () -> Bool = { leadership.isValid }
        try await fillCaches(mayWrite)
        let queue = WorkQueue<Work>(WorkQueueState(limit: Self.workers))
        let plans = PlanKeeper(caches, operatorNamespace: configuration.namespace)
        let router = EventRouter(queue: queue, plans: plans, caches: caches)
        let uid = await asked
        if let uid { plans.found(namespaceUID: uid) }
        let links = LinkFactory(
            controlPlane: configuration.endpoint, mayWrite: mayWrite, counts: metrics.requests,
            budget: configuration.budget, userAgent: SquadronVersion.userAgent)
        var context = SessionContext(
            logger: logger, connect: { links.link($0) }, mayWrite: mayWrite,
            changed: { dataPlane, change in
                switch change {
                case .facts: queue.add(.dataPlane(dataPlane))
                case .namespace(let namespace, let isBusy):
                    router.namespaceChanged(namespace, of: dataPlane, isBusy: isBusy)
                }
            },
            credentialsRejected: { queue.add(.dataPlane($0)) })
        context.metrics = metrics
        context.wallClock = configuration.wallClock
        context.settings.breaker.probeInterval = configuration.probeInterval
        context.settings.watcher = configuration.watcher
        context.settings.budget = configuration.budget
        let pool = SessionPool(context: context)
        let client = writer(mayWrite)
        let events = EventRecorder(KubeEventSink(client), reportingInstance: configuration.instance)
        let publishing = PublishingBoard(patience: configuration.credentialPatience)
        let flyteAdmin = flyteAdmin(client, router, events, publishing, mayWrite: mayWrite)
        let executions = executionCounter(queue, plans, publishing, mayAsk: mayWrite)
        let reconcilers = Reconcilers(
            caches: caches, pool: pool,
            sources: CredentialSources(
                client: client, namespace: configuration.namespace,
                ownToken: { [authorization = configuration.endpoint.authorization] in
                    (try? await authorization.bearerToken()) ?? nil
                }, cloud: configuration.cloud,
                policy: configuration.renewal,
                wallClock: configuration.wallClock, writeLog: WriteLog(logger)),
            writer: StatusWriter(client: client, mayWrite: mayWrite), router: router,
            events: events, namespace: configuration.namespace, logger: logger,
            wallClock: configuration.wallClock, flyteAdmin: flyteAdmin, publishingBoard: publishing,
            executions: executions)
        leading.withLock { $0 = (pool, queue) }
        defer {
            leading.withLock { $0 = nil }
            termEnded.advance()
        }
        let subscriptions = router.follow(
            gone: { reconcilers.forget($0) }, requested: { reconcilers.lookAtOnce($0) },
            secretChanged: { flyteAdmin.wake() })
        defer { for end in subscriptions { end() } }
        let readings = await flyteAdmin.recall()
        queue.add(.plan)
        let controller = Controller(
            queue,
            observer: { [metrics] work, outcome, took in
                metrics.reconciled(ControllerName(work), outcome, took: took)
            }
        ) { await reconcilers.reconcile($0) }
        await withDiscardingTaskGroup { group in
            group.addTask { await pool.run() }
            group.addTask { await events.run() }
            group.addTask { await flyteAdmin.run(readings) }
            group.addTask { await executions.run() }
            if uid == nil { group.addTask { await self.findIdentity(router) } }
            group.addTask {
                await self.stop.wait(past: 0)
                if Task.isCancelled { return }
                let end = Timeline.continuous.now + Self.drainTime
                flyteAdmin.shutDown()
                await pool.drain(until: end)
                await flyteAdmin.drained(until: end)
                controller.shutDown()
            }
            await controller.run()
            if !Task.isCancelled { _ = await events.drained(within: .seconds(2)) }
            group.cancelAll()
        }
    }

    /// Returns when all custom resources have been listed. Meanwhile it reports which of their kinds are missing.
    private func fillCaches(_ mayWrite: @escaping @Sendable () -> Bool) async throws {
        let missing = MissingAtStart(
            caches: caches, writer: StatusWriter(client: writer(mayWrite), mayWrite: mayWrite),
            wallClock: configuration.wallClock)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await missing.tell() }
            try await caches.ready()
            group.cancelAll()
        }
    }

    /// A client of the control plane that sends only reads after the end of the term.
    private func writer(_ mayWrite: @escaping @Sendable () -> Bool) -> KubeClient {
        var options = client.options
        options.mayWrite = mayWrite
        return KubeClient(
            server: client.server, transport: transport, authorization: configuration.endpoint.authorization,
            options: options)
    }

    private func flyteAdmin(
        _ client: KubeClient, _ router: EventRouter, _ events: any EventPublisher, _ publishing: PublishingBoard,
        mayWrite: @escaping @Sendable () -> Bool
    ) -> FlyteAdminReconciler {
        FlyteAdminReconciler(
            FlyteAdminReconciler.Context(
                caches: caches,
                store: PublishedLabelsStore(
                    client: client, namespace: configuration.namespace, writeLog: WriteLog(logger)),
                notes: (client, configuration.namespace),
                spec: { router.plans.inForce.flatMap { $0.problem == nil && $0.identity != nil ? $0.spec : nil } },
                mayWrite: mayWrite,
                changed: { router.queue.add(.assignment($0)) },
                projectChanged: { router.queue.add(.project($0)) },
                allChanged: {
                    router.changed(.discovered)
                    router.statusesChanged()
                },
                labelsChanged: { router.queue.add(.publishing) },
                running: { publishing.running },
                warn: { reason, note in
                    guard let registry = router.plans.inForce?.registry else { return }
                    events.publish(
                        regarding: registry.metadata, type: .clusterRegistries, isWarning: true, reason: reason,
                        action: "FlyteAdmin", note: note)
                }, logger: logger, metrics: metrics))
    }

    private func executionCounter(
        _ queue: WorkQueue<Work>, _ plans: PlanKeeper, _ publishing: PublishingBoard,
        mayAsk: @escaping @Sendable () -> Bool
    ) -> ExecutionCounter {
        let client = FlyteAdminClientKeeper()
        return ExecutionCounter(
            ExecutionCounter.Context(
                ask: { [caches] clusters async throws(FlyteAdminError) in
                    guard mayAsk(), let spec = plans.inForce?.spec.flyteAdmin,
                        case .ready(let connection) = FlyteAdminConnection.read(spec, { caches.secrets[$0] })
                    else { return nil }
                    return try await ExecutionRound(client: client.client(of: connection)).counts(on: clusters)
                },
                isRollingOut: {
                    if case .progressing? = publishing.result?.rollout { true } else { false }
                },
                changed: { queue.add(.dataPlane($0)) }, logger: logger, wallClock: configuration.wallClock,
                interval: configuration.executionInterval))
    }

    /// The number of keys of the control plane's queue that are worked on at a time.
    private static let workers = 16
    /// How long work in flight in the data planes may take to end. A pod has 30 s.
    private static let drainTime = Duration.seconds(20)

    /// Asks again until we have the right to read it.
    private func findIdentity(_ router: EventRouter) async {
        while !Task.isCancelled {
            await Timeline.continuous.sleep(until: Timeline.continuous.now + Self.identityInterval)
            guard let uid = await namespaceUID() else { continue }
            router.plans.found(namespaceUID: uid)
            return router.queue.add(.plan)
        }
    }
    private static let identityInterval = Duration.seconds(5)

    /// The UID of the operator's own Namespace, which marks what this registry has made. Nil if it may not be read.
    private func namespaceUID() async -> String? {
        var delay = Duration.milliseconds(200)
        while !Task.isCancelled {
            do throws(KubeError) {
                return try await client.get(Namespace.self, name: configuration.namespace).metadata.uid
            } catch {
                guard !error.isForbidden, !error.isNotFound else {
                    logger.warning("nothing is written before it is known which registry this is: \(error)")
                    return nil
                }
                logger.warning("\(error)")
                await Timeline.continuous.sleep(until: Timeline.continuous.now + delay)
                delay = min(delay * 2, .seconds(5))
            }
        }
        return nil
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
