import ControlLoop
import Fleet
import JSON
import Kube
import KubeObjects
import Logging
import Support

/// What the control plane's queue holds.
enum Work: Sendable, Hashable {
    /// Compute anew what is wanted.
    case picture
    case dataPlane(String)
    case executionLabel(String)
    case assignment(String)
    case project(String)
    case registry(String)
    /// What goes out to flyteadmin.
    case publishing
    /// Give back the memory that a burst took.
    case tidying
}

/// What every reconciler has at hand.
final class Reconcilers: Sendable {
    let caches: Caches
    let pool: SessionPool
    let writer: StatusWriter
    let queue: WorkQueue<Work>
    let events: any EventPublisher
    let namespace: String
    let registryUID: String?
    let logger: Logger
    let wallClock: WallClock
    let started: Instant
    let board = ReadinessBoard()
    let verdicts = LabelVerdictCache()
    let rendered = RenderCache()
    let publishingBoard = PublishingBoard()
    /// What concerns flyteadmin has a task of its own; nil in tests that have none.
    let flyteAdmin: FlyteAdminReconciler?
    private let latest = Locked<FleetPicture?>(nil)

    init(
        caches: Caches, pool: SessionPool, writer: StatusWriter, queue: WorkQueue<Work>, events: any EventPublisher,
        namespace: String, registryUID: String?, logger: Logger, wallClock: WallClock = .system,
        flyteAdmin: FlyteAdminReconciler? = nil
    ) {
        self.caches = caches
        self.pool = pool
        self.writer = writer
        self.queue = queue
        self.events = events
        self.namespace = namespace
        self.registryUID = registryUID
        self.logger = logger
        self.wallClock = wallClock
        started = wallClock.now
        self.flyteAdmin = flyteAdmin
    }
    var publications: PublicationBoard? { flyteAdmin?.board }

    /// What is known of an object beside what it holds itself.
    private struct Memory {
        /// When it was first seen without a status.
        var firstLook: Instant?
        /// The status that it was given while it did not fit its type; nil since it does.
        var malformed: JSON?
        /// The generation whose publishing is waited for, and since when.
        var unpublished: (generation: Int64?, since: Instant)?
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

    func malformedBefore(_ metadata: ObjectMeta) -> JSON? { withMemory(of: metadata) { $0.malformed } }
    /// - Parameter malformed: nil for one that fits its type.
    func remember(malformed status: JSON?, of metadata: ObjectMeta) {
        withMemory(of: metadata) { $0.malformed = status }
    }

    func isFirst(_ warning: ExpiryWarning, of metadata: ObjectMeta) -> Bool {
        withMemory(of: metadata) { $0.warned.updateValue(warning, forKey: warning.credential) != warning }
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
    var picture: FleetPicture? { latest.withLock { $0 } }

    func reconcile(_ work: Work) async -> Controller<Work>.Outcome {
        do throws(KubeError) {
            switch work {
            case .picture: return reconcilePicture()
            case .dataPlane(let name): return try await reconcileDataPlane(name)
            case .executionLabel(let name): return try await reconcileExecutionLabel(name)
            case .assignment(let name): return try await reconcileAssignment(name)
            case .project(let name): return try await reconcileProject(name)
            case .registry(let name): return try await reconcileRegistry(name)
            case .publishing: return try await reconcilePublishing()
            case .tidying:
                returnFreeMemory()
                return .done
            }
        } catch {
            if !error.isCancelled { logger.warning("\(error)", metadata: ["work": "\(work)"]) }
            return .failed(error.description, retryAfter: error.retryAfter)
        }
    }

    /// How long changes are gathered before a status is written: a cold sync is a few writes to each object, not one
    /// for each namespace.
    static let gathering = Duration.milliseconds(200)

    private func reconcilePicture() -> Controller<Work>.Outcome {
        let picture = FleetPicture(
            caches: caches, operatorNamespace: namespace, discovered: publications?.discovered,
            previous: self.picture)
        latest.withLock { $0 = picture }
        flyteAdmin?.wake()
        caches.secrets.retain(picture.references.secrets)
        caches.configMaps.retain(picture.references.configMaps)
        // All of them: one that can't be read is in no picture, and says so.
        for key in (caches.dataPlanes.snapshot ?? [:]).keys { queue.add(.dataPlane(key.name)) }
        statusesChanged()
        return .done
    }

    /// Everything whose status follows from others is looked at again soon.
    func statusesChanged() {
        queue.add(.publishing, after: Self.gathering)
        for key in (caches.executionLabels.snapshot ?? [:]).keys {
            queue.add(.executionLabel(key.name), after: Self.gathering)
        }
        for key in (caches.assignments.snapshot ?? [:]).keys { queue.add(.assignment(key.name), after: Self.gathering) }
        for key in (caches.projects.snapshot ?? [:]).keys { queue.add(.project(key.name), after: Self.gathering) }
        queueRegistries(after: Self.gathering)
    }

    func queueRegistries(after delay: Duration) {
        for key in (caches.registries.snapshot ?? [:]).keys { queue.add(.registry(key.name), after: delay) }
    }

    /// A namespace of a data plane is in another state.
    func namespaceChanged(_ namespace: String, of dataPlane: String) {
        // What is to be done goes before what is to be said of it.
        let isBusy = pool[dataPlane].map { $0.isWorking && $0.progress.pendingCount > Self.backlog } ?? false
        let delay = isBusy ? Self.gatheringWhileBusy : Self.gathering
        queue.add(.dataPlane(dataPlane), after: delay)
        guard let picture else { return }
        for work in picture.dependents[namespace] ?? [] { queue.add(work, after: delay) }
        queueRegistries(after: delay)
    }
    private static let gatheringWhileBusy = Duration.seconds(1)
    /// Namespaces.
    private static let backlog = 8

    /// Whether a first status can wait for a result: most namespaces are there within a second, and a status that said
    /// `Pending` before would be a write for nothing.
    func canWait(_ metadata: ObjectMeta, hasStatus: Bool, _ conditions: [Condition]) -> Bool {
        let isPending = !hasStatus && conditions[.namespaceSynced]?.reason == Reason.pending
        let now = wallClock.now
        let first = withMemory(of: metadata) { memory in
            memory.firstLook = isPending ? memory.firstLook ?? now : nil
            return memory.firstLook
        }
        return first.map { now - $0 < Self.patienceForFirst } ?? false
    }
    /// Seconds.
    private static let patienceForFirst = 2.0

    /// The object with the newest status that is known; nil where the picture is of an older one: a newer picture is on its
    /// way, and every object has its turn after it.
    func upToDate<Spec>(_ object: CustomResource<Spec>, _ picture: FleetPicture) -> CustomResource<Spec>? {
        picture.knows(object.metadata) ? writer.newest(object) : nil
    }

    /// Whether what is published is known of an older generation only: it is looked at in a moment.
    func waitsForPublishing(_ object: ClusterRegistry) -> Bool {
        let generation = object.metadata.generation
        guard let result = publishingBoard.result, object.metadata.name == ClusterRegistry.theName,
            object.spec.problems().isEmpty
        else { return false }
        let now = wallClock.now
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
            && (pool.isSettling || picture.map { flyteAdmin?.isSettling($0.spec) ?? false } ?? false)
    }

    func key(_ name: String) -> ObjectKey { ObjectKey(namespace: namespace, name: name) }
}
