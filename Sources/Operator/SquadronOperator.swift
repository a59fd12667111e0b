import ControlLoop
import Fleet
import HTTP
import Kube
import KubeObjects
import Logging
import Support

/// How an operator is run: the flags of `squadron run`.
public struct OperatorConfiguration: Sendable {
    public var namespace = "flyte"
    public var endpoint: ClusterEndpoint
    public var adminAddress = ListenAddress(host: "0.0.0.0", port: 8080)
    /// Nil: the metrics are at the admin address; else only here.
    public var metricsAddress: ListenAddress?
    public var electsLeader = true
    public var probeInterval = Duration.seconds(10)
    /// Of this replica, in events and the Lease.
    public var instance = LeaderElector.uniqueIdentity()
    /// Times of the election and of the watches; tests shorten them.
    var election = ElectionConfiguration()
    var watcher = WatcherConfiguration()
    /// For expiry, `since` and the Lease's times as others read them; never for how long something lasts.
    var wallClock = WallClock.system
    public init(endpoint: ClusterEndpoint) { self.endpoint = endpoint }
}

/// The operator: watches the control plane's custom resources and Secrets, and keeps every data plane as they say.
///
/// In reading order: caches → picture (what is wanted) → one session for each data plane (what is there, and the writes
/// that make it so) → statuses.
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
        transport = LinkFactory.transport(for: configuration.endpoint)
        client = KubeClient(
            server: configuration.endpoint.server, transport: transport,
            authorization: configuration.endpoint.authorization,
            options: KubeClient.Options(userAgent: SquadronVersion.userAgent))
        caches = Caches(client: client, namespace: configuration.namespace, watcher: configuration.watcher)
    }

    /// Ends `run` in good order: what is in flight is finished (within `drainTime`), the Lease released.
    public func shutDown() { stop.advance() }

    /// Runs until `shutDown` or cancellation. Throws where it can't start: the admin address is taken.
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
                // A leader drains first, until its work or its term is over.
                while !Task.isCancelled {
                    let seen = self.termEnded.generation
                    if self.leading.withLock({ $0 == nil }) { throw CancellationError() }
                    await self.termEnded.wait(past: seen)
                }
            }
            do {
                while try await group.next() != nil {}
            } catch is CancellationError {
            } catch  where Task.isCancelled {}  // what a part throws because it was cancelled is no failure
            group.cancelAll()
            do { try await group.waitForAll() } catch {}
        }
        client.close()
    }

    private var adminServers: [AdminServer] {
        let probes = AdminPages.probes(standstill: { self.heartbeat.standstill }, isReady: { self.caches.areReady })
        let metrics = AdminPages.metrics { self.metricsText }
        guard let apart = configuration.metricsAddress else {
            return [AdminServer(address: configuration.adminAddress, pages: probes.and(metrics))]
        }
        return [
            AdminServer(address: configuration.adminAddress, pages: probes),
            AdminServer(name: "metrics", address: apart, pages: metrics),
        ]
    }

    /// What `/metrics` answers.
    var metricsText: String {
        let leading = leading.withLock { $0 }
        return MetricsPage(
            metrics: metrics, pool: leading?.pool, queue: leading?.queue.metrics ?? WorkQueueMetrics(),
            isLeader: leading != nil, expirations: leading == nil ? [] : expirations
        ).rendered
    }

    private var expirations: [(dataPlane: String, credential: String, end: Int64)] {
        caches.dataPlanes.valid().sorted { $0.key < $1.key }.flatMap { name, object in
            let ends = [("token", object.status?.tokenExpirationTime), ("caCert", object.status?.caExpirationTime)]
            return ends.compactMap { credential, end in
                end.map { (name, credential, Int64(saturating: $0.instant.secondsSince1970)) }
            }
        }
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

    /// Everything that only one replica does.
    private func lead(_ leadership: Leadership) async throws {
        // Asked for while the caches fill: a restart takes as many round trips as its longest chain of questions.
        async let askedUID = registryUID()
        try await caches.ready()
        let registryUID = await askedUID
        let queue = WorkQueue<Work>(WorkQueueState(limit: 16))
        let mayWrite: @Sendable () -> Bool = { leadership.isValid }
        // The reconcilers need the pool and the pool's sessions tell the reconcilers: the queue goes between them.
        let reconcilersBox = Locked<Reconcilers?>(nil)
        let links = LinkFactory(controlPlane: configuration.endpoint, mayWrite: mayWrite)
        var context = SessionContext(
            logger: logger, registryUID: registryUID, connect: { links.link($0) }, mayWrite: mayWrite,
            changed: { dataPlane, namespace in
                guard let namespace else { return queue.add(.dataPlane(dataPlane)) }
                reconcilersBox.withLock { $0 }?.namespaceChanged(namespace, of: dataPlane)
            },
            credentialsRejected: { queue.add(.dataPlane($0)) })
        context.metrics = metrics
        context.wallClock = configuration.wallClock
        context.settings.breaker.probeInterval = configuration.probeInterval
        context.settings.watcher = configuration.watcher
        let pool = SessionPool(context: context)
        let client = writer(mayWrite)
        let events = EventRecorder(KubeEventSink(client), reportingInstance: configuration.instance)
        let flyteAdmin = flyteAdmin(client, reconcilersBox, queue, mayWrite: mayWrite)
        let reconcilers = Reconcilers(
            caches: caches, pool: pool, writer: StatusWriter(client: client, mayWrite: mayWrite), queue: queue,
            events: events, namespace: configuration.namespace, registryUID: registryUID, logger: logger,
            wallClock: configuration.wallClock, flyteAdmin: flyteAdmin)
        reconcilersBox.withLock { $0 = reconcilers }
        leading.withLock { $0 = (pool, queue) }
        defer {
            leading.withLock { $0 = nil }
            termEnded.advance()
            reconcilersBox.withLock { $0 = nil }
        }
        let subscriptions = follow(reconcilers, flyteAdmin)
        defer { for end in subscriptions { end() } }
        let discovery = await flyteAdmin.recall()
        queue.add(.picture)
        let controller = Controller(queue) { await reconcilers.reconcile($0) }
        await withDiscardingTaskGroup { group in
            group.addTask { await pool.run() }
            group.addTask { await events.run() }
            group.addTask { await flyteAdmin.run(discovery) }
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

    /// A client of the control plane that sends nothing but questions once the term is over.
    private func writer(_ mayWrite: @escaping @Sendable () -> Bool) -> KubeClient {
        var options = client.options
        options.mayWrite = mayWrite
        return KubeClient(
            server: client.server, transport: transport, authorization: configuration.endpoint.authorization,
            options: options)
    }

    private func flyteAdmin(
        _ client: KubeClient, _ reconcilers: Locked<Reconcilers?>, _ queue: WorkQueue<Work>,
        mayWrite: @escaping @Sendable () -> Bool
    ) -> FlyteAdminReconciler {
        FlyteAdminReconciler(
            FlyteAdminReconciler.Context(
                caches: caches, store: PublishedLabelsStore(client: client, namespace: configuration.namespace),
                projects: NotesStore(
                    client: client, namespace: configuration.namespace,
                    configMapName: DiscoveredProjects.configMapName, dataKey: DiscoveredProjects.dataKey),
                spec: { reconcilers.withLock { $0 }?.picture.flatMap { $0.problem == nil ? $0.spec : nil } },
                mayWrite: mayWrite,
                changed: { queue.add(.assignment($0)) }, allChanged: { queue.add(.picture) },
                warn: { reason, note in
                    guard let all = reconcilers.withLock({ $0 }), let registry = all.picture?.registry else { return }
                    all.events.publish(
                        regarding: registry.metadata, type: .clusterRegistries, isWarning: true, reason: reason,
                        action: "FlyteAdmin", note: note)
                }, logger: logger, metrics: metrics))
    }

    /// What is in flight in the data planes may take so long to end; a pod has 30 s.
    private static let drainTime = Duration.seconds(20)

    /// Puts into the queue what a change of a custom resource or Secret asks for.
    private func follow(_ reconcilers: Reconcilers, _ flyteAdmin: FlyteAdminReconciler) -> [@Sendable () -> Void] {
        let queue = reconcilers.queue
        func follow<Object: KubeResource>(
            _ store: Store<Decoded<Object>>, _ work: @escaping @Sendable (String) -> Work
        ) -> @Sendable () -> Void {
            store.subscribe { change in
                if case .deleted(let last) = change.kind {
                    reconcilers.forget(last.metadata)
                    queue.add(work(change.key.name))
                }
                // Our own status writes come back as changes; they ask for a look at that object, not for a new picture.
                if case .updated(let old, let new) = change.kind, old.metadata.uid == new.metadata.uid,
                    old.metadata.generation == new.metadata.generation, new.metadata.generation != nil,
                    old.metadata.annotations == new.metadata.annotations
                {
                    queue.add(work(change.key.name), after: Reconcilers.gathering)
                    return
                }
                // The object's own turn comes with the picture that knows it.
                queue.add(.picture)
            }
        }
        let caches = caches
        let secrets = caches.secrets.observers.subscribe { name in
            flyteAdmin.wake()
            if caches.isValueSource(secret: name) { queue.add(.picture) }
            if name == PublishedCredentials.secretName { queue.add(.publishing, after: Reconcilers.gathering) }
            for (key, object) in caches.dataPlanes.snapshot ?? [:]
            where object.object.map({ $0.spec.credentials.secretName == name }) ?? true {
                queue.add(.dataPlane(key.name))
            }
            // Whether a Secret may be used for what it is named for is told by its labels.
            for (key, object) in caches.projects.snapshot ?? [:]
            where object.object?.spec.valuesFrom.contains(where: { $0.secretKeyRef?.name == name }) ?? false {
                queue.add(.project(key.name), after: Reconcilers.gathering)
            }
            reconcilers.queueRegistries(after: Reconcilers.gathering)
        }
        return [
            secrets,
            caches.doubts.observers.subscribe { queue.add(.registry(ClusterRegistry.theName)) },
            caches.configMaps.observers.subscribe { _ in queue.add(.picture) },
            caches.published.observers.subscribe { _ in queue.add(.publishing) },
            caches.deployments.observers.subscribe { _ in queue.add(.publishing) },
            follow(caches.dataPlanes) { .dataPlane($0) }, follow(caches.executionLabels) { .executionLabel($0) },
            follow(caches.assignments) { .assignment($0) }, follow(caches.projects) { .project($0) },
            follow(caches.registries) { .registry($0) },
        ]
    }

    /// The UID of the operator's own Namespace, which marks what this registry has made; nil where it may not be read.
    private func registryUID() async -> String? {
        var delay = Duration.milliseconds(200)
        while !Task.isCancelled {
            do throws(KubeError) {
                return try await client.get(Namespace.self, name: configuration.namespace).metadata.uid
            } catch {
                guard !error.isForbidden, !error.isNotFound else {
                    logger.warning("namespaces of other registries can't be told from ours: \(error)")
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
