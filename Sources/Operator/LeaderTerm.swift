import ControlLoop
import DataPlaneAgent
import Fleet
import FlyteAdmin
import Kube
import Logging
import Support

/// What one replica has while it leads, and nobody else: agents, controllers, and the loops that talk to flyteadmin.
///
/// `init` puts the parts together in the order in which data flows: inputs → plan → agents → statuses → publishing.
struct LeaderTerm: Sendable {
    /// What a term gets from the process around it.
    struct Surroundings: Sendable {
        var configuration: OperatorConfiguration
        var informers: Informers
        var metrics: Metrics
        /// A client of the control plane that sends only reads after the end of the term.
        var client: KubeClient
        /// Whether this replica still leads.
        var mayWrite: @Sendable () -> Bool
        var logger: Logger
        var timeline = Timeline.continuous
    }

    let queue: WorkQueue<Work>
    let router: EventRouter
    let pool: AgentPool
    let controllers: Controllers
    private let events: EventRecorder
    private let flyteAdmin: FlyteAdminLoop
    private let executions: ExecutionCounter
    private let metrics: Metrics

    /// Keys of the queue that are worked on at a time.
    static let workers = 16
    /// How long work in flight in the data planes may take to end. A pod has 30 s.
    private static let drainTime = Duration.seconds(20)

    init(_ around: Surroundings) {
        let (configuration, informers, logger) = (around.configuration, around.informers, around.logger)
        let (wallClock, timeline) = (configuration.wallClock, around.timeline)
        metrics = around.metrics
        queue = WorkQueue(WorkQueueState(limit: Self.workers), timeline: timeline)
        let plans = PlanUpdater(informers, operatorNamespace: configuration.namespace)
        let inputs = Inputs(informers: informers, plans: plans)
        let statusWriter = StatusWriter(client: around.client, mayWrite: around.mayWrite)
        router = EventRouter(queue: queue, plans: plans, informers: informers, statuses: statusWriter)
        pool = AgentPool(context: Self.agents(around, router))
        events = EventRecorder(KubeEventSink(around.client), reportingInstance: configuration.instance)
        let writer = ControlPlaneWriter(
            client: around.client, namespace: configuration.namespace, mayWrite: around.mayWrite, events: events,
            log: WriteLog(logger))
        let reports = Reports(
            publishing: PublishingMemory(patience: configuration.credentialPatience),
            flyteAdmin: FlyteAdminReports(metrics: around.metrics),
            rollout: StoredRollout(
                store: RevisionStore(client: writer.client, namespace: writer.namespace, writeLog: writer.log),
                router: router, timeline: timeline))
        let statuses = Statuses(
            writer: statusWriter, events: events, settling: Settling(pool, reports.flyteAdmin, timeline: timeline),
            wallClock: wallClock, logger: logger)
        executions = Self.executions(around, inputs, reports, router)
        flyteAdmin = FlyteAdminLoop(
            FlyteAdminLoop.Context(
                inputs: inputs, reports: reports, router: router, writer: writer,
                store: PublishedRowsStore(
                    client: around.client, namespace: configuration.namespace, writeLog: writer.log),
                logger: logger, metrics: around.metrics, timeline: timeline))
        controllers = Controllers(
            inputs: inputs, pool: pool, sources: Self.sources(around), executions: executions, flyteAdmin: flyteAdmin,
            reports: reports, statuses: statuses, writer: writer, router: router, wallClock: wallClock,
            timeline: timeline, logger: logger)
    }

    /// What the agents share, and what they tell.
    private static func agents(_ around: Surroundings, _ router: EventRouter) -> AgentContext {
        let configuration = around.configuration
        let links = LinkFactory(
            controlPlane: configuration.endpoint, mayWrite: around.mayWrite, counts: around.metrics.requests,
            budget: configuration.budget, userAgent: SquadronVersion.userAgent)
        var context = AgentContext(
            logger: around.logger, connect: { links.link($0) }, mayWrite: around.mayWrite,
            changed: { dataPlane, change in
                switch change {
                case .facts: router.dataPlaneChanged(dataPlane)
                case .namespace(let namespace, let isBusy):
                    router.namespaceChanged(namespace, of: dataPlane, isBusy: isBusy)
                }
            },
            credentialsRejected: { router.dataPlaneChanged($0) })
        context.timeline = around.timeline
        context.metrics = around.metrics
        context.wallClock = configuration.wallClock
        context.settings.breaker.probeInterval = configuration.probeInterval
        context.settings.watcher = configuration.watcher
        context.settings.budget = configuration.budget
        return context
    }

    private static func sources(_ around: Surroundings) -> CredentialSources {
        let configuration = around.configuration
        return CredentialSources(
            client: around.client, namespace: configuration.namespace,
            ownToken: { [authorization = configuration.endpoint.authorization] in
                (try? await authorization.bearerToken()) ?? nil
            }, cloud: configuration.cloud, policy: configuration.renewal, timeline: around.timeline,
            wallClock: configuration.wallClock, writeLog: WriteLog(around.logger))
    }

    private static func executions(
        _ around: Surroundings, _ inputs: Inputs, _ reports: Reports, _ router: EventRouter
    ) -> ExecutionCounter {
        let client = LatestFlyteAdminClient()
        return ExecutionCounter(
            ExecutionCounter.Context(
                ask: { clusters async throws(FlyteAdminError) in
                    guard let spec = inputs.plan?.spec.flyteAdmin,
                        case .ready(let connection) = FlyteAdminConnection.read(spec, { inputs.informers.secrets[$0] })
                    else { return nil }
                    return try await ExecutionRound(client: client.client(of: connection)).counts(on: clusters)
                },
                mayAsk: around.mayWrite,
                isRollingOut: {
                    if case .progressing? = reports.publishing.result?.rollout { true } else { false }
                },
                changed: { router.dataPlaneChanged($0) }, logger: around.logger,
                wallClock: around.configuration.wallClock, timeline: around.timeline,
                interval: around.configuration.executionInterval))
    }

    /// Works until the task is cancelled, or until `stop` and the end of what is in flight.
    ///
    /// - Parameter identity: finds the registry's identity, if it is not known yet.
    func run(until stop: Signal, identity: (@Sendable () async -> Void)?) async {
        let subscriptions = router.follow()
        defer { for end in subscriptions { end() } }
        let readings = await flyteAdmin.recall()
        queue.add(.plan)
        let controller = Controller(
            queue,
            observer: { [metrics] work, outcome, took in
                metrics.reconciled(ControllerName(work), outcome, took: took)
            }
        ) { [controllers] in await controllers.reconcile($0) }
        await withDiscardingTaskGroup { group in
            group.addTask { await pool.run() }
            group.addTask { await events.run() }
            group.addTask { await flyteAdmin.run(readings) }
            group.addTask { await executions.run() }
            if let identity { group.addTask { await identity() } }
            group.addTask {
                await stop.wait(past: 0)
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
}
