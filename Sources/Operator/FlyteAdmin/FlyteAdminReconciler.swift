import ControlLoop
import Fleet
import FlyteAdmin
import Kube
import KubeObjects
import Logging
import Support

/// Keeps flyteadmin's execution cluster labels as ExecutionClusterLabels say, and knows its projects.
///
/// A task of its own: a flyteadmin that is slow or dead keeps nothing else waiting. It looks at a regular interval, for
/// what others have changed there, and at once when an object changes; in between it sends nothing.
final class FlyteAdminReconciler: Sendable {
    struct Context: Sendable {
        var caches: Caches
        var store: PublishedLabelsStore
        /// The client and namespace for what is noted of flyteadmin.
        var notes: (client: KubeClient, namespace: String)
        /// The settings in force; nil: none that can be used.
        var spec: @Sendable () -> ClusterRegistrySpec?
        var mayWrite: @Sendable () -> Bool
        /// Something else is to be said of that ExecutionClusterLabel.
        var changed: @Sendable (String) -> Void
        /// The same of that FlyteProject.
        var projectChanged: @Sendable (String) -> Void = { _ in }
        /// All of them, and other projects are wanted.
        var allChanged: @Sendable () -> Void
        /// Rows name other labels than before.
        var labelsChanged: @Sendable () -> Void = {}
        /// The labels that flyteadmin runs with.
        var running: @Sendable () -> PublishingBoard.RunningLabels = { .all }
        /// For people: reason and note of an event on the ClusterRegistry.
        var warn: @Sendable (String, String) -> Void
        var logger: Logger
        var metrics: Metrics?
        var timeline = Timeline.continuous
    }

    let board: PublicationBoard
    private let context: Context
    private let signal = Signal()
    private let started: Duration

    init(_ context: Context) {
        self.context = context
        board = PublicationBoard(metrics: context.metrics)
        started = context.timeline.now
    }

    /// An object, the settings or a Secret changed: look whether there is something to do.
    func wake() { signal.advance() }

    /// Somebody wants to know now how flyteadmin is: it is asked at once, for what it refused, too.
    func ask() {
        isAsked.withLock { $0 = true }
        wake()
    }
    private let isAsked = Locked(false)

    /// Whether statuses that count namespaces had better wait: for the first answer about projects, but not for long.
    func isSettling(_ spec: ClusterRegistrySpec) -> Bool {
        let waits =
            (spec.flyteAdmin?.projectDiscovery == true && board.discovered == nil)
            || AttributesInForce(spec, read: board.clusterResources).isPending
        return waits && context.timeline.now < started + Self.patience
    }
    private static let patience = Duration.seconds(3)

    /// Changes that come together are one look: `kubectl apply` of a folder.
    private static let gathering = Duration.milliseconds(50)

    /// Nothing is begun any more; `drained` waits for what is being written.
    func shutDown() { gate.close() }
    func drained(until deadline: Duration) async { await gate.drained(until: deadline, on: context.timeline) }
    private let gate = WriteGate()

    /// What an earlier process read of flyteadmin, before anything is computed without it.
    func recall() async -> FlyteAdminReadings {
        var readings = FlyteAdminReadings(
            projects: ProjectDiscovery(notes: notes(), board: board, access()),
            attributes: ClusterResourceReading(notes: notes(), board: board, access()))
        let registry = context.caches.registries.valid()[ClusterRegistry.theName]
        if let admin = registry?.spec.flyteAdmin { _ = await readings.follow(admin) }
        return readings
    }

    private func notes<Content: NotedReading>() -> ReadingNotes<Content> {
        ReadingNotes(client: context.notes.client, namespace: context.notes.namespace, access())
    }
    private func access<Content>() -> ReadingNotes<Content>.Access {
        ReadingNotes<Content>.Access(mayWrite: mayWrite, gate: gate, warn: context.warn, logger: context.logger)
    }

    func run(_ recalled: FlyteAdminReadings) async {
        var session: Session?
        var readings = recalled
        while !Task.isCancelled, !gate.isClosed {
            let seen = signal.generation
            let next = await step(&session, &readings)
            await signal.wait(past: seen, until: next, on: context.timeline)
            await context.timeline.sleep(until: context.timeline.now + Self.gathering)
        }
    }

    /// What belongs to one way of reaching flyteadmin.
    private struct Session {
        let connection: FlyteAdminConnection
        let client: FlyteAdminClient
        var publisher: LabelPublisher
        var projects: ProjectPublisher
        var schedule: PollSchedule
        var random = SeededRandom()
        /// Of the last pass that came to its end.
        var claims: LabelClaims?
        var running: PublishingBoard.RunningLabels?
        var failure: Publication?
        var held: String?
        var heldAttributes: String?
    }

    /// One look. Returns when the next one is due; nil: when something changes.
    private func step(_ session: inout Session?, _ readings: inout FlyteAdminReadings) async -> Duration? {
        guard let spec = context.spec() else { return nil }
        let recalled = await readings.follow(spec.flyteAdmin)
        guard let admin = spec.flyteAdmin else {
            session = nil
            if board.set(isConfigured: false) { context.allChanged() }
            return nil
        }
        if board.set(isConfigured: true) || recalled { context.allChanged() }
        let connection: FlyteAdminConnection
        switch FlyteAdminConnection.read(admin, { self.context.caches.secrets[$0] }) {
        case .pending: return nil
        case .unusable(let problem):
            session = nil
            sayAll(spec, .unreachable(problem))
            return nil
        case .notAllowed(let problem):
            session = nil
            sayAll(spec, .sourceNotAllowed(problem))
            return nil
        case .ready(let ready): connection = ready
        }
        let interval = Duration.seconds(admin.intervalSeconds)
        if session?.connection != connection || session?.schedule.interval != interval {
            session = begin(connection, interval)
            readings.startAnew()
        }
        if let current = session, readings.isAwaited, current.schedule.mayAsk(context.timeline.now),
            await readings.lookAtAttributes(current.client)
        {
            context.allChanged()
        }
        // Publishing is looked at first: it says which rows may be written, and wakes this.
        guard var current = session, context.running() != .unknown else { return nil }
        if spec.mode == .observe {
            await observe(&current, &readings, spec)
        } else {
            await look(&current, &readings, spec)
        }
        session = current
        return current.schedule.next
    }

    private func begin(_ connection: FlyteAdminConnection, _ interval: Duration) -> Session {
        let client = connection.client(userAgent: SquadronVersion.userAgent)
        let publisher = LabelPublisher(
            client: client, store: context.store, endpoint: connection.endpoint, mayWrite: mayWrite,
            gate: gate, logger: context.logger)
        let projects = ProjectPublisher(
            client: client, notes: context.notes, endpoint: connection.endpoint, mayWrite: mayWrite, gate: gate,
            logger: context.logger)
        return Session(
            connection: connection, client: client, publisher: publisher, projects: projects,
            schedule: PollSchedule(interval: interval))
    }

    /// Also right before each write: the mode may change in the middle of a burst.
    private var mayWrite: @Sendable () -> Bool {
        { [context] in context.mayWrite() && context.spec()?.mode != .observe }
    }

    /// In place of `look`, while nothing may be written: nothing in flyteadmin becomes ours, and its projects count.
    private func observe(
        _ session: inout Session, _ readings: inout FlyteAdminReadings, _ spec: ClusterRegistrySpec
    ) async {
        // With Enforce all of it is looked at.
        session.claims = nil
        session.projects.forget()
        sayAll(spec, .held(Reason.observing, "nothing is written to flyteadmin: the registry's mode is Observe"))
        let isPoll = session.schedule.isDue(context.timeline.now)
        guard isPoll || readings.isFirst else { return }
        if await readings.look(session.client, isPoll: isPoll) { context.allChanged() }
        session.schedule.succeeded(context.timeline.now, isPoll: isPoll, using: &session.random)
    }

    private func look(
        _ session: inout Session, _ readings: inout FlyteAdminReadings, _ spec: ClusterRegistrySpec
    ) async {
        let claims = currentClaims()
        let projects = projectClaims(spec)
        let isAsked = isAsked.withLock { asked in
            defer { asked = false }
            return asked
        }
        if isAsked {
            session.schedule.callNow()
            session.publisher.retryRefused()
            session.projects.retryRefused()
        }
        let isPoll = session.schedule.isDue(context.timeline.now)
        let isFirstSearch = readings.isFirst
        let running = context.running()
        let isNews =
            claims != session.claims || running != session.running || isFirstSearch
            || session.projects.isNews(projects)
        guard isPoll || (isNews && session.schedule.mayAsk(context.timeline.now)) else {
            // Waits for a server that does not answer: new objects say so too.
            if let failure = session.failure, claims != session.claims { sayAll(spec, failure) }
            return
        }
        // First the projects, which the labels are of.
        let ofProjects = await session.projects.pass(projects, isPoll: isPoll)
        if Task.isCancelled { return }
        if !ofProjects.registrations.made.isEmpty {
            session.publisher.retryRefused()
            readings.projectsChanged()
        }
        let labels: Set<String>? = if case .known(let labels) = running { labels } else { nil }
        // One that does not answer need not be asked twice.
        let isAway = ofProjects.failure?.isOfFlyteAdmin == true
        let report =
            isAway
            ? LabelPublisher.Report(failure: ofProjects.failure)
            : await session.publisher.pass(claims, running: labels, isPoll: isPoll)
        if Task.isCancelled { return }
        take(report, claims, &session, isPoll: isPoll)
        take(ofProjects, projects, &session)
        if report.failure == nil { session.running = running }
        if let named = report.named, board.set(namedLabels: named) { context.labelsChanged() }
        if isPoll || isFirstSearch, report.failure?.isOfFlyteAdmin != true,
            await readings.look(session.client, isPoll: isPoll)
        {
            context.allChanged()
        }
    }

    private func take(_ report: LabelPublisher.Report, _ claims: LabelClaims, _ session: inout Session, isPoll: Bool) {
        let now = context.timeline.now
        let (failure, retryAfter) = report.failure.map { publication(of: $0, session.connection) } ?? (nil, nil)
        if case .stopped? = report.failure {
            session.schedule.failed(now, retryAfter: nil, using: &session.random)
            return
        }
        if let failure {
            session.schedule.failed(now, retryAfter: retryAfter, using: &session.random)
            if session.failure != failure { context.logger.warning("flyteadmin: \(failure)") }
        } else {
            session.schedule.succeeded(now, isPoll: isPoll, using: &session.random)
            session.claims = claims
        }
        session.failure = failure
        if let held = report.held, session.held == nil {
            context.logger.error("\(held)")
            context.warn("LabelDeletionsHeld", held)
        }
        session.held = report.held
        say(claims, report, failure, isFirstFailure: session.schedule.failures == 1)
    }

    /// What to say of an object where this kept a pass from its end; nil where that says nothing about objects.
    private func publication(
        of failure: LabelPublisher.Failure, _ connection: FlyteAdminConnection
    ) -> (publication: Publication?, retryAfter: Duration?) {
        switch failure {
        case .flyteAdmin(let error):
            let hint = connection.hint(for: error.description)
            return error.kind == .refused
                ? (.refused(error.message + hint), error.retryAfter)
                : (.unreachable(error.description + hint), error.retryAfter)
        case .notes(let error): return (.held(Reason.pending, "what is published can't be noted: \(error)"), nil)
        case .tooMany(let count, let configMap):
            return (.held(Reason.pending, "\(count) rows are more than ConfigMap \(configMap) can note"), nil)
        case .stopped: return (nil, nil)
        }
    }

    /// After the labels: the schedule says how often flyteadmin has failed.
    private func take(_ report: ProjectPublisher.Report, _ claims: ProjectClaims, _ session: inout Session) {
        if case .stopped? = report.failure { return }
        let failure = report.failure.flatMap { publication(of: $0, session.connection).publication }
        if report.failure != nil, session.failure == nil {
            session.schedule.failed(context.timeline.now, retryAfter: nil, using: &session.random)
        }
        if let held = report.held, session.heldAttributes == nil {
            context.logger.error("\(held)")
            context.warn("AttributeDeletionsHeld", held)
        }
        session.heldAttributes = report.held
        let changed = board.projects.replace(claims.demands, isFirstFailure: session.schedule.failures == 1) {
            report.publication(of: $0, failure)
        }
        for name in changed { context.projectChanged(name) }
    }

    // MARK: What is said of the objects

    private func projectClaims(_ spec: ClusterRegistrySpec) -> ProjectClaims {
        let projects = context.caches.projects.snapshot ?? [:]
        let unreadable = projects.values.filter { $0.object == nil }.map(\.metadata.name)
        return ProjectClaims(projects.values.compactMap(\.object), spec, unreadable: unreadable)
    }

    /// The same of all objects.
    private func sayAll(_ spec: ClusterRegistrySpec, _ publication: Publication) {
        say(currentClaims(), publication)
        let changed = board.projects.replace(projectClaims(spec).demands) { _ in publication }
        for name in changed { context.projectChanged(name) }
    }

    private func currentClaims() -> LabelClaims {
        let assignments = context.caches.assignments.snapshot ?? [:]
        let unreadable = assignments.values.filter { $0.object == nil }.map(\.metadata.name)
        let labels = Set(context.caches.executionLabels.valid().values.map(\.label))
        return LabelClaims(assignments.values.compactMap(\.object), labels: labels, unreadable: unreadable)
    }

    private func say(_ claims: LabelClaims, _ failure: Publication) {
        say(claims, LabelPublisher.Report(), failure, isFirstFailure: false)
    }

    /// - Parameter isFirstFailure: one request that was lost is no news about rows that were there a moment ago: those
    ///   keep what was said of them until a second one fails, about a second later.
    private func say(
        _ claims: LabelClaims, _ report: LabelPublisher.Report, _ failure: Publication?, isFirstFailure: Bool
    ) {
        var known: [String: (AdminRow, Publication)] = [:]
        let objects = context.caches.assignments.valid()
        for claim in claims.wanted.values {
            let row = AdminRow(claim.key, claim.value)
            if report.published.contains(claim.key) {
                known[claim.object] = (row, .published)
            } else if report.waiting.contains(claim.key) {
                known[claim.object] = (row, .waitingForRollout(claim.value))
            } else if let words = report.refused[claim.key] {
                known[claim.object] = (row, .refused(words))
            } else if let failure {
                let before = isFirstFailure ? objects[claim.object].map { board.publication(of: $0) } : nil
                switch before {
                case .asBefore?: continue  // of an earlier run: still all that is known
                case .published?, .refused?: known[claim.object] = (row, before ?? failure)
                default: known[claim.object] = (row, failure)
                }
            }
        }
        for (key, assignment) in objects {
            guard let hold = claims.holds[key] else { continue }
            let row = AdminRow(AdminRowKey(assignment.spec), assignment.spec.value)
            known[key] = (row, .held(hold))
        }
        for name in board.replace(known) { context.changed(name) }
    }
}

extension Publication {
    static func held(_ hold: LabelClaims.Hold) -> Publication {
        switch hold {
        case .duplicate(let older):
            .held(
                Reason.duplicateAssignment, "flyteadmin has the label of ExecutionClusterLabel \(older), which is older"
            )
        case .labelUnknown(let label):
            .held(
                Reason.labelNotFound,
                "flyteadmin keeps what it has: it would send executions with a label that it doesn't know (\(label)) to any cluster"
            )
        }
    }
}
