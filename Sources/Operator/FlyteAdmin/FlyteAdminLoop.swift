import ControlLoop
import Fleet
import FlyteAdmin
import Kube
import KubeObjects
import Logging
import Support

/// Keeps flyteadmin's execution cluster labels equal to the ExecutionClusterLabels, and reads its projects.
///
/// It has its own task, so that a slow or dead flyteadmin delays nothing else. It polls at a regular interval for what
/// others have changed there, and acts at once when an object changes. In between it sends nothing.
final class FlyteAdminLoop: Sendable {
    struct Context: Sendable {
        var inputs: Inputs
        var reports: Reports
        var router: EventRouter
        var writer: ControlPlaneWriter
        var store: PublishedRowsStore
        var logger: Logger
        var metrics: Metrics?
        var timeline = Timeline.continuous

        var informers: Informers { inputs.informers }
        var flyteAdmin: FlyteAdminReports { reports.flyteAdmin }
        /// The settings in force. Nil: there are no usable ones.
        var spec: ClusterRegistrySpec? {
            inputs.plan.flatMap { $0.problem == nil && $0.identity != nil ? $0.spec : nil }
        }
        /// Makes a client, which opens no connection yet.
        var client: @Sendable (FlyteAdminConnection) -> FlyteAdminClient = {
            $0.client(userAgent: SquadronVersion.userAgent)
        }

        /// The labels that flyteadmin runs with.
        func running(_ spec: ClusterRegistrySpec) -> PublishingMemory.RunningLabels {
            let running = reports.publishing.running
            // It was found out under settings without a restart (or in Observe), which have just changed.
            return running == .all && spec.restartsFlyteAdmin ? .unknown : running
        }

        /// For people: an event on the ClusterRegistry.
        func warn(_ reason: String, _ note: String) {
            guard let registry = inputs.plan?.registry else { return }
            writer.tell(registry, reason, note, action: "FlyteAdmin", isWarning: true)
        }
    }

    private let context: Context
    private let isAsked = Locked(false)

    init(_ context: Context) { self.context = context }

    private var flyteAdmin: FlyteAdminReports { context.flyteAdmin }
    private var reporter: RowReporter {
        RowReporter(informers: context.informers, reports: flyteAdmin, router: context.router)
    }
    /// An object, the settings or a Secret changed: there may be something to do.
    private var signal: Signal { context.router.flyteAdmin }

    /// Somebody wants to know now how flyteadmin is. It is asked at once, also for what it refused before.
    func ask() {
        isAsked.withLock { $0 = true }
        signal.advance()
    }

    /// Begins nothing from now on. `drained` waits for writes under way.
    func shutDown() { gate.close() }
    func drained(until deadline: Duration) async { await gate.drained(until: deadline, on: context.timeline) }
    private let gate = WriteGate()

    /// Takes what an earlier process read from flyteadmin, before anything is computed without it.
    func recall() async -> FlyteAdminReadings {
        var readings = FlyteAdminReadings(
            projects: ProjectDiscovery(notes: notes(), reports: flyteAdmin, access()),
            attributes: ClusterResourceReading(notes: notes(), reports: flyteAdmin, access()))
        let registry = context.informers.registries.valid()[ClusterRegistry.theName]
        if let admin = registry?.spec.flyteAdmin { _ = await readings.follow(admin) }
        return readings
    }

    private func notes<Content: NotedReading>() -> ReadingNotes<Content> {
        ReadingNotes(client: context.writer.client, namespace: context.writer.namespace, access())
    }
    private func access<Content>() -> ReadingNotes<Content>.Access {
        ReadingNotes<Content>.Access(
            mayWrite: mayWrite, gate: gate, warn: { [context] in context.warn($0, $1) }, logger: context.logger)
    }

    func run(_ recalled: FlyteAdminReadings) async {
        var session: FlyteAdminSession?
        var readings = recalled
        while !Task.isCancelled, !gate.isClosed {
            let seen = signal.generation
            let next = await step(&session, &readings)
            await signal.wait(past: seen, until: next, on: context.timeline)
            await context.timeline.sleep(until: context.timeline.now + Delay.coalescingForFlyteAdmin)
        }
    }

    /// One pass. Returns when the next one is due. Nil: when something changes.
    func step(_ session: inout FlyteAdminSession?, _ readings: inout FlyteAdminReadings) async -> Duration? {
        guard let spec = context.spec else { return nil }
        let recalled = await readings.follow(spec.flyteAdmin)
        guard let admin = spec.flyteAdmin else {
            session = nil
            tellOfWait(nil, admin: nil)
            if flyteAdmin.set(isConfigured: false) { context.router.flyteAdminChanged() }
            return nil
        }
        if flyteAdmin.set(isConfigured: true) || recalled { context.router.flyteAdminChanged() }
        let connection: FlyteAdminConnection
        switch FlyteAdminConnection.read(admin, { self.context.informers.secrets[$0] }) {
        case .pending: return nil
        case .unusable(let problem):
            session = nil
            reporter.sayAll(spec, .unreachable(problem))
            tellOfWait(AttributesProblem(problem, needsPerson: false), admin: admin)
            return nil
        case .notAllowed(let problem):
            session = nil
            reporter.sayAll(spec, .sourceNotAllowed(problem))
            tellOfWait(AttributesProblem(problem, needsPerson: true), admin: admin)
            return nil
        case .ready(let ready): connection = ready
        }
        let interval = Duration.seconds(admin.intervalSeconds)
        if session?.connection != connection || session?.schedule.interval != interval {
            session = FlyteAdminSession(context, connection, interval, mayWrite: mayWrite, gate: gate)
            readings.startAnew()
        }
        if let current = session, readings.isAwaited, current.schedule.mayAsk(context.timeline.now),
            await readings.lookAtAttributes(current.client)
        {
            context.router.flyteAdminChanged()
        }
        defer { tellOfWait(readings.attributesProblem, admin: admin) }
        guard var current = session else { return nil }
        if spec.mode == .observe {
            await observe(&current, &readings, spec)
        } else {
            // The publishing controller comes first: it decides which rows may be written, and wakes this one.
            guard context.running(spec) != .unknown else { return nil }
            await look(&current, &readings, spec)
        }
        session = current
        return current.schedule.next
    }

    /// Reports why all project-domains wait, while they do: in the conditions, and once as an event.
    private func tellOfWait(_ problem: AttributesProblem?, admin: FlyteAdmin?) {
        let isWaiting = admin?.clusterResourceAttributes == .use && flyteAdmin.clusterResources == nil
        let problem = isWaiting ? problem : nil
        guard flyteAdmin.set(attributesProblem: problem) else { return }
        if let problem {
            context.warn("AttributesNotRead", "all project-domains wait for " + Awaited.attributes(problem).text)
        }
        context.router.flyteAdminChanged()
    }

    /// Asked right before each write, since the mode may change in the middle of a burst.
    private var mayWrite: @Sendable () -> Bool {
        { [context] in context.writer.mayWrite() && context.spec?.mode != .observe }
    }

    /// Replaces `look` while nothing may be written. Nothing in flyteadmin becomes ours, but its projects count.
    private func observe(
        _ session: inout FlyteAdminSession, _ readings: inout FlyteAdminReadings, _ spec: ClusterRegistrySpec
    ) async {
        // With the change to Enforce, everything is looked at again.
        session.claims = nil
        session.projects.forget()
        reporter.sayAll(
            spec, .held(Reason.observing, "nothing is written to flyteadmin: the registry's mode is Observe"))
        let isPoll = session.schedule.isDue(context.timeline.now)
        guard isPoll || readings.isFirst else { return }
        if await readings.look(session.client, isPoll: isPoll) { context.router.flyteAdminChanged() }
        session.schedule.succeeded(context.timeline.now, isPoll: isPoll, using: &session.random)
    }

    private func look(
        _ session: inout FlyteAdminSession, _ readings: inout FlyteAdminReadings, _ spec: ClusterRegistrySpec
    ) async {
        let claims = reporter.labelClaims()
        let projects = reporter.projectClaims(spec)
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
        let running = context.running(spec)
        let isNews =
            claims != session.claims || running != session.running || isFirstSearch
            || session.projects.isNews(projects)
        guard isPoll || (isNews && session.schedule.mayAsk(context.timeline.now)) else {
            // The server does not answer, and a new object must say so too.
            if let failure = session.failure, claims != session.claims { reporter.sayAll(spec, failure) }
            return
        }
        // The projects come first, because labels belong to them.
        let ofProjects = await session.projects.pass(projects, isPoll: isPoll)
        if Task.isCancelled { return }
        if !ofProjects.registrations.made.isEmpty {
            session.publisher.retryRefused()
            readings.projectsChanged()
        }
        let labels: Set<String>? = if case .known(let labels) = running { labels } else { nil }
        // A flyteadmin that does not answer is not asked twice.
        let isAway = ofProjects.failure?.isOfFlyteAdmin == true
        let report =
            isAway
            ? RowPublisher.Report(failure: ofProjects.failure)
            : await session.publisher.pass(claims, running: labels, isPoll: isPoll)
        if Task.isCancelled { return }
        take(report, claims, &session, isPoll: isPoll)
        take(ofProjects, projects, &session)
        if report.failure == nil { session.running = running }
        if let named = report.named, flyteAdmin.set(namedLabels: named) { context.router.namedLabelsChanged() }
        if isPoll || isFirstSearch, report.failure?.isOfFlyteAdmin != true,
            await readings.look(session.client, isPoll: isPoll)
        {
            context.router.flyteAdminChanged()
        }
    }

    private func take(
        _ report: RowPublisher.Report, _ claims: RowClaims, _ session: inout FlyteAdminSession, isPoll: Bool
    ) {
        let now = context.timeline.now
        let (failure, retryAfter) = report.failure.map { Publication.of($0, session.connection) } ?? (nil, nil)
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
        reporter.say(claims, report, failure, isFirstFailure: session.schedule.failures == 1)
    }

    /// Call it after the labels, because the schedule counts flyteadmin's failures.
    private func take(_ report: ProjectPublisher.Report, _ claims: ProjectClaims, _ session: inout FlyteAdminSession) {
        if case .stopped? = report.failure { return }
        let failure = report.failure.flatMap { Publication.of($0, session.connection).publication }
        if report.failure == nil {
            session.schedule.partSucceeded()
        } else if session.failure == nil {
            session.schedule.partFailed(context.timeline.now, using: &session.random)
        }
        if let held = report.held, session.heldAttributes == nil {
            context.logger.error("\(held)")
            context.warn("AttributeDeletionsHeld", held)
        }
        session.heldAttributes = report.held
        let changed = flyteAdmin.projects.replace(claims.demands, isFirstFailure: session.schedule.failures == 1) {
            report.publication(of: $0, failure)
        }
        context.router.projectsChanged(changed)
    }
}

extension ClusterRegistrySpec {
    /// Whether Squadron restarts flyteadmin for what it publishes.
    fileprivate var restartsFlyteAdmin: Bool {
        publish.map { $0.clustersConfigMap != nil && !$0.restart.isEmpty } ?? false
    }
}
