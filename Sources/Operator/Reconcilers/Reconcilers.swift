import ControlLoop
import DataPlaneAgent
import Fleet
import JSON
import Kube
import KubeObjects
import Logging
import Support

/// What all controllers of the control plane share.
final class Reconcilers: Sendable {
    let caches: Caches
    let pool: SessionPool
    let sources: CredentialSources
    let writer: StatusWriter
    let router: EventRouter
    let events: any EventPublisher
    let namespace: String
    let logger: Logger
    /// The time in statuses. Durations use `timeline`, which is monotonic.
    let wallClock: WallClock
    let timeline: Timeline
    let started: Duration
    let board = ReadinessBoard()
    let verdicts = LabelVerdictCache()
    let rendered = RenderCache()
    let publishingBoard: PublishingBoard
    /// flyteadmin has its own task. Nil in tests without it.
    let flyteAdmin: FlyteAdminReconciler?
    /// Nil in tests without it.
    let executions: ExecutionCounter?
    let stagedRollout: StagedRolloutController
    let clusterRecorder: ClusterRecorder
    /// The cluster of each DataPlane.
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

    /// What is known of an object beside its own fields.
    private struct Memory {
        /// When it was first seen without a status.
        var firstLook: Duration?
        /// The status that it got while it did not fit its type. Nil if it fits.
        var malformed: JSON?
        /// The generation that publishing must reach, and since when we wait for that.
        var unpublished: (generation: Int64?, since: Duration)?
        /// The latest warning of each credential that got an event.
        var warned: [ExpiryWarning.Credential: ExpiryWarning] = [:]
    }
    private let memories = Locked<[String: Memory]>([:])

    private func withMemory<Result: Sendable>(
        of metadata: ObjectMeta, _ body: (inout Memory) -> Result
    ) -> Result {
        memories.withLock { body(&$0[metadata.uid ?? metadata.name, default: Memory()]) }
    }

    /// Drops what is known of a deleted object.
    func forget(_ metadata: ObjectMeta) {
        memories.withLock { $0[metadata.uid ?? metadata.name] = nil }
        writer.forget(metadata)
    }

    /// Drops notes about deleted objects. A reconcile that was under way may write some after the deletion.
    func retain(_ plan: PlanInForce) {
        memories.withLock { $0 = $0.filter { plan.generations[$0.key] != nil } }
        writer.retain(Set(plan.generations.keys))
        clusterRecorder.retain(Set(plan.generations.keys))
        pool.retainMetrics(of: Set(plan.dataPlanes.keys))
    }

    func malformedBefore(_ metadata: ObjectMeta) -> JSON? { withMemory(of: metadata) { $0.malformed } }
    /// - Parameter malformed: nil for an object that fits its type.
    func remember(malformed status: JSON?, of metadata: ObjectMeta) {
        withMemory(of: metadata) { $0.malformed = status }
    }

    func isFirst(_ warning: ExpiryWarning, of metadata: ObjectMeta) -> Bool {
        withMemory(of: metadata) { $0.warned.updateValue(warning, forKey: warning.credential) != warning }
    }

    private let profileComplaints = Locked<[String: String]>([:])
    /// The complaints that are new since the last look.
    func newProfileComplaints(_ now: [String: String]) -> [String: String] {
        profileComplaints.withLock { before in
            defer { before = now }
            return now.filter { before[$0.key] == nil }
        }
    }

    private let lastDoubt = Locked<String?>(nil)
    /// True if that is new.
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
        // These data planes only have changed namespaces. A data plane with further changes follows in its own
        // reconcile.
        if !look.diff.isCommon, !look.diff.namespaces.isEmpty {
            for session in pool.all where !look.diff.dataPlanes.contains(session.name) { follow(plan, session) }
        }
        router.planChanged(look.diff)
        if stages(plan) { queue.add(.stagedRollout) }
        profilesChanged(plan)
        return .done
    }

    /// Gives the session the new plan. Its status shows the result a little later.
    private func follow(_ plan: PlanInForce, _ session: DataPlaneSession) {
        guard let object = plan.dataPlanes[session.name] else { return }
        let facts = session.facts
        session.follow(
            plan.plan(
                for: object, kinds: facts.kinds, discovered: facts.discovered,
                cache: rendered))
        queue.add(.dataPlane(session.name), after: Self.gathering)
    }

    /// Wakes everything whose status depends on other objects.
    func statusesChanged() { router.statusesChanged() }
    func queueRegistries(after delay: Duration) { router.registriesChanged(after: delay) }

    /// Whether a first status can wait for a result. Most namespaces exist within a second, and a status with `Pending`
    /// before that would be a wasted write.
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

    /// The object with its newest known status. Nil if the plan is of an older generation. Then a newer plan is coming,
    /// and the object is reconciled after it.
    func upToDate<Spec>(_ object: CustomResource<Spec>, _ plan: PlanInForce) -> CustomResource<Spec>? {
        plan.knows(object.metadata) ? writer.newest(object) : nil
    }

    /// Whether the publishing result is of an older generation. Then look again in a moment.
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

    /// Whether to leave the status of an earlier process for now, because the state of the data planes is not known
    /// yet.
    func isTooEarly<Spec>(_ object: CustomResource<Spec>) -> Bool {
        let observed = object.status?.observedGeneration
        return observed != nil && observed == object.metadata.generation
            && (pool.isSettling || plan.map { flyteAdmin?.isSettling($0.spec) ?? false } ?? false)
    }

    func key(_ name: String) -> ObjectKey { ObjectKey(namespace: namespace, name: name) }
}
