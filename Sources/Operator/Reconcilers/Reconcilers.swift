import ControlLoop
import Fleet
import JSON
import Kube
import KubeObjects
import Logging
import Support

/// What every reconciler has at hand.
final class Reconcilers: Sendable {
    let caches: Caches
    let pool: SessionPool
    let sources: CredentialSources
    let writer: StatusWriter
    let router: EventRouter
    let events: any EventPublisher
    let namespace: String
    let logger: Logger
    /// For times in statuses. Durations use `timeline`, which is monotonic.
    let wallClock: WallClock
    let timeline: Timeline
    let started: Duration
    let board = ReadinessBoard()
    let verdicts = LabelVerdictCache()
    let rendered = RenderCache()
    let publishingBoard: PublishingBoard
    /// What concerns flyteadmin has a task of its own; nil in tests that have none.
    let flyteAdmin: FlyteAdminReconciler?
    /// Nil in tests that have none.
    let executions: ExecutionCounter?
    let stagedRollout: StagedRolloutController
    let clusterRecorder: ClusterRecorder
    /// Which DataPlane has which cluster.
    let claims = Locked(ClusterClaims())

    init(
        caches: Caches, pool: SessionPool, sources: CredentialSources, writer: StatusWriter, router: EventRouter,
        events: any EventPublisher,
        namespace: String, logger: Logger, wallClock: WallClock = .system, timeline: Timeline = .continuous,
        flyteAdmin: FlyteAdminReconciler? = nil, publishingBoard: PublishingBoard = PublishingBoard(),
        executions: ExecutionCounter? = nil
    ) {
        self.executions = executions
        self.publishingBoard = publishingBoard
        self.caches = caches
        self.pool = pool
        self.sources = sources
        self.writer = writer
        self.router = router
        self.events = events
        self.namespace = namespace
        self.logger = logger
        self.wallClock = wallClock
        self.timeline = timeline
        started = timeline.now
        stagedRollout = StagedRolloutController(
            store: RevisionStore(client: writer.client, namespace: namespace, writeLog: WriteLog(logger)),
            router: router, timeline: timeline)
        clusterRecorder = ClusterRecorder(client: writer.client, logger: logger)
        self.flyteAdmin = flyteAdmin
    }
    var publications: PublicationBoard? { flyteAdmin?.board }
    var queue: WorkQueue<Work> { router.queue }

    /// What is known of an object beside what it holds itself.
    private struct Memory {
        /// When it was first seen without a status.
        var firstLook: Duration?
        /// The status that it was given while it did not fit its type; nil since it does.
        var malformed: JSON?
        /// The generation whose publishing is waited for, and since when.
        var unpublished: (generation: Int64?, since: Duration)?
        /// The latest warning of each credential that an event was made for.
        var warned: [ExpiryWarning.Credential: ExpiryWarning] = [:]
    }
    private let memories = Locked<[String: Memory]>([:])

    private func withMemory<Result: Sendable>(
        of metadata: ObjectMeta, _ body: (inout Memory) -> Result
    ) -> Result {
        memories.withLock { body(&$0[metadata.uid ?? metadata.name, default: Memory()]) }
    }

    /// Lets go of what is known of an object that is gone.
    func forget(_ metadata: ObjectMeta) {
        memories.withLock { $0[metadata.uid ?? metadata.name] = nil }
        writer.forget(metadata)
    }

    /// Drops notes about objects that are gone. A reconcile that was under way may have written some after the deletion.
    func retain(_ plan: PlanInForce) {
        memories.withLock { $0 = $0.filter { plan.generations[$0.key] != nil } }
        writer.retain(Set(plan.generations.keys))
        clusterRecorder.retain(Set(plan.generations.keys))
        pool.retainMetrics(of: Set(plan.dataPlanes.keys))
    }

    func malformedBefore(_ metadata: ObjectMeta) -> JSON? { withMemory(of: metadata) { $0.malformed } }
    /// - Parameter malformed: nil for one that fits its type.
    func remember(malformed status: JSON?, of metadata: ObjectMeta) {
        withMemory(of: metadata) { $0.malformed = status }
    }

    func isFirst(_ warning: ExpiryWarning, of metadata: ObjectMeta) -> Bool {
        withMemory(of: metadata) { $0.warned.updateValue(warning, forKey: warning.credential) != warning }
    }

    private let profileComplaints = Locked<[String: String]>([:])
    /// Those that were not there at the last look.
    func newProfileComplaints(_ now: [String: String]) -> [String: String] {
        profileComplaints.withLock { before in
            defer { before = now }
            return now.filter { before[$0.key] == nil }
        }
    }

    private let lastDoubt = Locked<String?>(nil)
    /// True where that is news.
    func announced(_ doubt: String?) -> Bool {
        lastDoubt.withLock { last in
            defer { last = doubt }
            return last != doubt
        }
    }

    /// Nil before the caches are complete.
    var plan: PlanInForce? { router.plans.inForce }

    func reconcile(_ work: Work) async -> Controller<Work>.Outcome {
        do throws(KubeError) {
            switch work {
            case .plan: return reconcilePlan()
            case .dataPlane(let name): return try await reconcileDataPlane(name)
            case .executionLabel(let name): return try await reconcileExecutionLabel(name)
            case .assignment(let name): return try await reconcileAssignment(name)
            case .project(let name): return try await reconcileProject(name)
            case .registry(let name): return try await reconcileRegistry(name)
            case .publishing: return try await reconcilePublishing()
            case .stagedRollout: return try await reconcileStagedRollout()
            case .clusterProfiles: return try await reconcileClusterProfiles()
            case .tidying:
                tidyUp()
                return .done
            }
        } catch {
            if !error.isCancelled { logger.warning("\(error)", metadata: ["work": "\(work)"]) }
            return .failed(error.description, retryAfter: error.retryAfter)
        }
    }

    static let gathering = EventRouter.gathering

    private func reconcilePlan() -> Controller<Work>.Outcome {
        let look = router.plans.look(publications?.discovered, attributes: publications?.clusterResources)
        if let references = look.references {
            caches.secrets.follow(references.secrets)
            caches.configMaps.follow(references.configMaps)
        }
        guard let plan else { return .done }
        caches.labelledSecrets.follow(plan.spec.replicateSecrets.contains { $0.selector != nil })
        for name in look.diff.dataPlanes { claimCluster(name, plan.dataPlanes[name]) }
        flyteAdmin?.wake()
        // Those of which more changed follow when it is their turn.
        if !look.diff.isCommon, !look.diff.namespaces.isEmpty {
            for session in pool.all where !look.diff.dataPlanes.contains(session.name) { follow(plan, session) }
        }
        router.planChanged(look.diff)
        if stages(plan) { queue.add(.stagedRollout) }
        profilesChanged(plan)
        return .done
    }

    /// The data plane is to hold what the plan says from now on; its status tells of that a little later.
    private func follow(_ plan: PlanInForce, _ session: DataPlaneSession) {
        guard let object = plan.dataPlanes[session.name] else { return }
        let facts = session.facts
        session.follow(
            plan.plan(
                for: object, kinds: facts.kinds, discovered: facts.discovered,
                cache: rendered))
        queue.add(.dataPlane(session.name), after: Self.gathering)
    }

    /// Everything whose status follows from others is looked at again soon.
    func statusesChanged() { router.statusesChanged() }
    func queueRegistries(after delay: Duration) { router.registriesChanged(after: delay) }

    /// Whether a first status can wait for a result: most namespaces are there within a second, and a status that said
    /// `Pending` before would be a write for nothing.
    func canWait(_ metadata: ObjectMeta, hasStatus: Bool, _ conditions: [Condition]) -> Bool {
        let isPending = !hasStatus && conditions[.namespaceSynced]?.reason == Reason.pending
        let now = timeline.now
        let first = withMemory(of: metadata) { memory in
            memory.firstLook = isPending ? memory.firstLook ?? now : nil
            return memory.firstLook
        }
        return first.map { now - $0 < Self.patienceForFirst } ?? false
    }
    private static let patienceForFirst = Duration.seconds(2)

    /// The object with the newest status that is known; nil where the plan is of an older one: a newer plan is on its way, and
    /// the object has its turn after it.
    func upToDate<Spec>(_ object: CustomResource<Spec>, _ plan: PlanInForce) -> CustomResource<Spec>? {
        plan.knows(object.metadata) ? writer.newest(object) : nil
    }

    /// Whether what is published is known of an older generation only: it is looked at in a moment.
    func waitsForPublishing(_ object: ClusterRegistry) -> Bool {
        let generation = object.metadata.generation
        guard let result = publishingBoard.result, object.metadata.name == ClusterRegistry.theName,
            object.spec.problems().isEmpty
        else { return false }
        let now = timeline.now
        let since = withMemory(of: object.metadata) { memory in
            if result.generation == generation {
                memory.unpublished = nil
            } else if memory.unpublished == nil || memory.unpublished?.generation != generation {
                memory.unpublished = (generation, now)
            }
            return memory.unpublished?.since
        }
        return since.map { now - $0 < Self.patienceForFirst } ?? false
    }

    /// Whether to leave a status of an earlier run as it is for now: what it says of the data planes is not known yet.
    func isTooEarly<Spec>(_ object: CustomResource<Spec>) -> Bool {
        let observed = object.status?.observedGeneration
        return observed != nil && observed == object.metadata.generation
            && (pool.isSettling || plan.map { flyteAdmin?.isSettling($0.spec) ?? false } ?? false)
    }

    func key(_ name: String) -> ObjectKey { ObjectKey(namespace: namespace, name: name) }
}
