import ControlLoop
import Fleet
import JSON
import Kube
import KubeObjects
import Logging
import Support

/// Gives each custom resource its status, and reports its news by an event and a line of the log.
final class Statuses: Sendable {
    let writer: StatusWriter
    /// The last reported states of data planes and assignments.
    let readiness = ReportedReadiness()
    private let events: any EventPublisher
    private let settling: Settling
    private let wallClock: WallClock
    private let logger: Logger
    let memory = StatusMemory()

    init(
        writer: StatusWriter, events: any EventPublisher, settling: Settling, wallClock: WallClock = .system,
        logger: Logger
    ) {
        self.writer = writer
        self.events = events
        self.settling = settling
        self.wallClock = wallClock
        self.logger = logger
    }

    /// For times in statuses. Durations are on a monotonic clock.
    var now: Instant { wallClock.now }

    // MARK: What a new status follows from

    /// The object with its newest status. Nil if the plan has an older generation: a newer plan follows, and wakes
    /// the object.
    func current<Spec>(_ object: CustomResource<Spec>, _ plan: PlanInForce) -> CustomResource<Spec>? {
        plan.knows(object.metadata) ? writer.newest(object) : nil
    }

    // MARK: How long a status waits (`StatusPolicy`). Nil: it is written now

    /// Waits for the fleet, soon after the start.
    func waitForFleet<Spec>(_ object: CustomResource<Spec>, _ plan: PlanInForce) -> Duration? {
        StatusPolicy.waitForFleet(
            observed: object.status?.observedGeneration, generation: object.metadata.generation,
            isSettling: settling.isSettling(plan.spec))
    }

    /// Waits for a first result.
    func waitForResult<Spec>(_ object: CustomResource<Spec>, _ conditions: [Condition]) -> Duration? {
        let isPending = object.status == nil && conditions[.namespaceSynced]?.reason == Reason.pending
        let now = settling.timeline.now
        return memory.with(object.metadata) {
            StatusPolicy.waitForResult(isPending: isPending, &$0.result, now: now)
        }
    }

    /// Waits for the publishing.
    ///
    /// - Parameter published: the generation that the last result is about.
    func waitForPublishing(_ registry: ClusterRegistry, published: Int64?) -> Duration? {
        let now = settling.timeline.now
        return memory.with(registry.metadata) {
            StatusPolicy.waitForPublishing(
                of: registry.metadata.generation, published: published, &$0.publishing, now: now)
        }
    }

    /// Waits until every object has been reconciled once.
    func waitForAll(_ registry: ClusterRegistry, hasSeenAll: Bool) -> Duration? {
        StatusPolicy.waitForAll(
            hasSeenAll: hasSeenAll, hasStatus: registry.status != nil, sinceStart: settling.sinceStart)
    }

    // MARK: Writing

    /// Writes a status, and publishes events and log lines for its changes.
    func publish<Spec>(_ status: Spec.Status, of object: CustomResource<Spec>) async throws(KubeError) {
        let (type, metadata, before) = (Spec.resourceType, object.metadata, object.status?.conditions)
        memory.with(metadata) { $0.malformed = nil }
        for news in StatusNews.of(status.conditions, before: before) { tell(metadata, type, news) }
        let revision = (status as? DataPlaneStatus)?.appliedRevision
        for line in ConditionLine.lines(status.conditions, before: before, of: metadata, type, revision: revision) {
            logger.info("condition", metadata: line.fields.mapValues { "\($0)" })
        }
        try await writer.write(status, of: object)
    }

    /// Reports what is wrong with an object that does not fit its type, or whose spec can't be used.
    ///
    /// - Parameter kept: the fields of the status that stay even if the object is broken. All others are dropped.
    func report(
        malformed metadata: ObjectMeta, _ type: ResourceType, _ findings: [ConditionFinding], kept: [String] = []
    ) async throws(KubeError) {
        // The typed object has no status then, so its status is read separately, once.
        var status: JSON
        if let known = memory.with(metadata, { $0.malformed }) {
            status = known
        } else {
            let stored = try await writer.status(of: metadata, type)
            status = .object((stored.object ?? [:]).filter { $0.key == "conditions" || kept.contains($0.key) })
        }
        let before = (status["conditions"]?.array ?? []).compactMap { try? $0.decode(Condition.self) }
        let conditions = findings.conditions(previous: before, generation: metadata.generation, now: now)
        let ready = conditions.first { $0.type == ConditionType.ready.rawValue }
        if let ready, ready.message != before.first(where: { $0.type == ready.type })?.message {
            tell(metadata, type, StatusNews(isWarning: true, reason: ready.reason, note: ready.message))
        }
        status["conditions"] = (try? JSON(encoding: conditions)) ?? []
        memory.with(metadata) { [status] in $0.malformed = status }
        if let generation = metadata.generation { status["observedGeneration"] = .int(generation) }
        do throws(KubeError) {
            try await writer.write(status, ofUnreadable: metadata, type: type)
        } catch {
            // If a rule of the CRD can't be evaluated on such an object, the API server refuses even its status. The
            // event has reported the problem, and a change of the object leads back here.
            guard error.isInvalid else { throw error }
            logger.warning("the status can't be written: \(error)")
        }
    }

    // MARK: Events

    func tell(_ metadata: ObjectMeta, _ type: ResourceType, _ news: StatusNews, action: String = "Reconcile") {
        events.publish(
            regarding: metadata, type: type, isWarning: news.isWarning, reason: news.reason, action: action,
            note: news.note)
    }

    /// A warning for each credential that comes nearer to its end: at 14, 7 and 1 days before it, and at the end.
    func warn(_ object: DataPlane, _ status: DataPlaneStatus) {
        let given = object.status?.expiryWarnings ?? []
        for warning in status.expiryWarnings ?? [] where !given.contains(warning) {
            // The watch may not have shown the status yet that says so.
            let isFirst = memory.with(object.metadata) {
                $0.warned.updateValue(warning, forKey: warning.credential) != warning
            }
            guard isFirst else { continue }
            let news = StatusNews(isWarning: true, reason: "CredentialsExpiring", note: warning.message)
            tell(object.metadata, .dataPlanes, news)
        }
    }

    /// The rules to add to the ClusterRole, if they are news.
    func explain(missing: DataPlaneFacts.Authorization, of object: DataPlane, _ status: DataPlaneStatus) {
        guard case .missing(let permissions) = missing, let condition = status.conditions[.authorized],
            condition.message != object.status?.conditions[.authorized]?.message
        else { return }
        let note =
            "add to the ClusterRole of \(status.identity ?? "the token's user"):\n\(Permissions.rules(adding: permissions))"
        tell(object.metadata, .dataPlanes, StatusNews(isWarning: true, reason: "PermissionsToAdd", note: note))
    }

    // MARK: Memory

    /// Drops the notes about deleted objects.
    /// - Parameter uids: the UIDs of the existing objects.
    func retain(_ uids: Set<String>) {
        memory.retain(uids)
        writer.retain(uids)
    }
}
