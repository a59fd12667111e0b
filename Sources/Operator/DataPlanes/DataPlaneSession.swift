import ControlLoop
import Fleet
import Kube
import KubeObjects
import Logging
import Support

/// One data plane at work: probes it, watches what is managed there, and brings its namespaces to what is desired.
///
/// Everything of it is its own: connections, breaker, queue, workers, rate limit. What happens to one data plane is
/// therefore felt by no other. It decides in `SessionState` and acts here.
final class DataPlaneSession: Sendable {
    /// Of the DataPlane object.
    let name: String
    let subject: SessionSubject
    let context: SessionContext
    let queue: WorkQueue<String>
    let progress: NamespaceProgressBoard
    private let state: Locked<SessionState>
    private let plan: Locked<DataPlanePlan>
    let watches = TypeWatches()
    private let hasPlan: Locked<Bool>
    /// Whether a probe is under way that asks what may be done.
    private let isReviewing = Locked(false)
    /// Whether writes were let through when that was last looked at; nil before the first look.
    private let gate = Locked<Bool?>(nil)
    /// Whether surplus objects may be deleted, as of one plan.
    let pruneJudgement = Locked<(version: DataPlanePlan.Version, objection: String?)?>(nil)
    /// Moves when the next probe should not wait.
    private let wake = Signal()
    let started: Duration
    private let stopped = Signal()

    init(
        name: String, subject: SessionSubject, configuration: SessionConfiguration, plan: DataPlanePlan,
        context: SessionContext
    ) {
        self.name = name
        self.subject = subject
        self.context = context
        progress = NamespaceProgressBoard(wallClock: context.wallClock)
        self.plan = Locked(plan)
        hasPlan = Locked(!plan.isPending)
        started = context.timeline.now
        queue = WorkQueue(
            WorkQueueState(
                limit: context.settings.workersPerDataPlane + context.settings.workersForFresh,
                freshReserve: context.settings.workersForFresh),
            timeline: context.timeline)
        queue.pause()
        var initial = SessionState(configuration, breaker: context.settings.breaker)
        _ = initial.configure(configuration, connect: context.connect)
        state = Locked(initial)
        watches.follow(plan.types)
        progress.replace(with: Set(plan.namespaces.keys))
    }

    // MARK: What others tell it

    /// Takes new settings. Only a change of the link reconnects.
    func configure(_ configuration: SessionConfiguration) {
        let before = state.withLock { $0.configuration }
        guard configuration != before else { return }
        let known = facts.clusterUID
        change { [context] state in state.configure(configuration, connect: context.connect) }
        // What only records what is known asks for no probe.
        if configuration.link != before.link || configuration.recordedUID != known { wake.advance() }
    }

    /// Another, older DataPlane has the same cluster (or has it no more).
    func hold(asDuplicate isDuplicate: Bool) {
        change { state in
            state.isDuplicate = isDuplicate
            return []
        }
    }

    func isSenior(to other: DataPlaneSession) -> Bool { subject.seniority < other.subject.seniority }
    /// Whether it is left alone for an older DataPlane.
    var isHeld: Bool { state.withLock { $0.isDuplicate } }

    /// The cluster with that UID may be written to.
    func approve(_ uid: String) {
        change { state in
            state.approvedUID = uid
            return []
        }
    }

    /// Takes a new plan and looks again at the namespaces for which it is another.
    func follow(_ new: DataPlanePlan) {
        let before = plan.withLock { plan -> DataPlanePlan? in
            guard plan.version != new.version else { return nil }
            defer { plan = new }
            return plan
        }
        guard let old = before else { return }
        watches.follow(new.types)
        if new.types != old.types {
            change { state in
                state.retainTroubles(of: new.types)
                return []
            }
        }
        if !new.isPending { planIsReady() }
        var changed = new.changes(since: old)
        if new.pruning != old.pruning, new.pruning != nil { changed = Set(new.namespaces.keys) }
        progress.replace(with: Set(new.namespaces.keys))
        progress.pending(changed)
        // What changes everywhere is no news of any one namespace: a project that comes then should not wait for it all.
        if changed.count == new.namespaces.count, changed.count > Self.manyNamespaces {
            queue.add(changed, priority: .background)
        } else {
            want(changed)
        }
        // A review under way is about what is needed when it is answered.
        if new.permissions != old.permissions, !isReviewing.withLock({ $0 }) { wasForbidden() }
        if !new.unknownKinds.isSubset(of: old.unknownKinds) { wake.advance() }
    }

    private static let manyNamespaces = 64

    /// Somebody has just changed something there: it goes before first lists and resyncs, also where it is in flight as
    /// a part of one and waits for the rate limit.
    func want(_ namespaces: Set<String>) {
        queue.add(namespaces)
        writableLink?.client.raise(namespaces)
    }

    /// Lists begin once there is something to compare them with: else all that they show would be written anew.
    private func planIsReady() {
        let isNews = hasPlan.withLock { hasPlan in
            defer { hasPlan = true }
            return !hasPlan
        }
        if isNews { applyGate() }
    }

    /// Starts nothing any more; what is on its way goes on.
    func shutDown() {
        queue.shutDown()
        writableLink?.client.stopWaiting()
    }

    /// Ends `run`.
    func stop() { stopped.advance() }

    // MARK: What it tells others

    var facts: SessionFacts { state.withLock { $0.facts } }
    /// The settings of the link in use.
    var linkInUse: LinkConfiguration? { state.withLock { $0.active?.configuration } }
    /// Whether it may still come to a first result soon.
    var isSettling: Bool { !hasResult && context.timeline.now < started + Self.settlingTime }
    static let settlingTime = Duration.seconds(20)

    /// Whether it has come to a first result: everything was looked at once, or something keeps it from that.
    var hasResult: Bool {
        let (facts, writes) = state.withLock { ($0.facts, $0.allowsWrites) }
        if writes { return !facts.listTroubles.isEmpty || !progress.hasPending }
        return facts.changedUID != nil || facts.tokenRejected != nil || facts.isUnreachable
    }
    /// Whether this is the session that may write to that cluster, once it is connected to it.
    func isApproved(for uid: String) -> Bool { state.withLock { !$0.isDuplicate && $0.approvedUID == uid } }
    var isWorking: Bool { state.withLock { $0.allowsWrites } }

    // MARK: Running

    func run() async {
        applyGate()
        await withDiscardingTaskGroup { group in
            group.addTask { await self.probe() }
            group.addTask { await self.watches.run { self.watcher(of: $0, into: $1) } }
            group.addTask { await self.sync() }
            await stopped.wait(past: 0)
            queue.shutDown()
            group.cancelAll()
        }
        let links = state.withLock { [$0.active, $0.candidate] }
        for link in links { link?.close() }
    }

    private func probe() async {
        let timeline = context.timeline
        while !Task.isCancelled {
            let seen = wake.generation
            let start = timeline.now
            let state = state.withLock { $0 }
            isReviewing.withLock { $0 = state.needsFullProbe }
            var questions = ProbeQuestions()
            if state.needsFullProbe { questions.permissions = { self.currentPlan.permissions } }
            questions.asksVersion = state.asksVersion
            questions.apiVersions = state.apiVersionsToDiscover(currentPlan.unknownKinds, now: start)
            let links = [state.candidate, state.active].compactMap { $0 }
            var reviewed: [Permission]?
            for link in links {
                var its = questions
                if link === state.active, !state.activeNeedsReview { its.permissions = nil }
                let result = await link.probe(its)
                if Task.isCancelled { return }
                reviewed = result.reviewed ?? reviewed
                let known = facts.clusterUID
                let hadFailed = link === state.active && state.breaker.hasFailed
                change { $0.take(result, of: link, now: timeline.now) }
                if let uid = facts.clusterUID, uid != known { context.identified(self, uid) }
                // What the failed probe found dead, watches may be on as well: they would notice when they are silent.
                if hadFailed, case .succeeded = result.answer { watches.renew() }
            }
            isReviewing.withLock { $0 = false }
            if let reviewed, reviewed != currentPlan.permissions { wasForbidden() }
            // From start to start, so that a probe that runs into its timeout does not put off the next one.
            let delay = self.state.withLock { $0.probeDelay }
            await wake.wait(past: seen, until: start + delay, on: timeline)
            // However often it is woken, two probes are at least this far apart.
            await timeline.sleep(until: timeline.now + .milliseconds(links.isEmpty ? 0 : 20))
        }
    }

    private func sync() async {
        queue.add(currentPlan.namespaces.keys.sorted(), priority: .background)
        // A fuse. A namespace has several requests, each with a limit of its own (`connection.timeoutSeconds`, ten minutes
        // at the most), and each may wait for the rate limit before.
        let deadline = Duration.seconds(3_600)
        let controller = Controller(
            queue, configuration: .init(deadline: deadline),
            observer: { [logger = context.logger, name] namespace, outcome, took in
                guard case .failed(let why, _) = outcome else { return }
                logger.log(
                    level: took < deadline ? .debug : .warning, "namespace not in sync",
                    metadata: ["dataplane": "\(name)", "namespace": "\(namespace)", "why": "\(why)"])
            }
        ) { [weak self] namespace in
            guard let self else { return .done }
            return await NamespaceSync(session: self).reconcile(namespace)
        }
        await controller.run()
    }

    // MARK: For its parts

    var currentPlan: DataPlanePlan { plan.withLock { $0 } }

    /// The link that requests may use now; nil while none may.
    var readableLink: Link? { state.withLock { $0.readLink } }
    var writableLink: Link? { state.withLock { $0.writeLink } }

    func readiness(of type: ResourceType) -> TypeWatches.Readiness { watches.readiness(of: type) }

    var watchedTypes: [(type: ResourceType, objects: ObservedObjects)] { watches.ready }

    /// What is kept of an object that was seen, in the light of what is desired now.
    func observe(_ metadata: ObjectMeta, of type: ResourceType) -> ObservedObject {
        currentPlan.observe(metadata, of: type)
    }

    func requestFailed(_ error: KubeError) {
        guard !error.isCancelled, let answer = ProbeAnswer(error) else { return }
        let urgent = state.withLock { state in
            defer { state.permitWrites() }
            return state.requestFailed(answer, connectionBroke: error.isConnectionBroken)
        }
        applyGate()
        if case .tokenRejected = answer { context.credentialsRejected(name) }
        if urgent { wake.advance() }
        context.changed(name, nil)
    }

    func wasForbidden() {
        state.withLock { $0.wasForbidden() }
        wake.advance()
    }

    /// Changes the state, then does what follows from it.
    func change(_ body: (inout SessionState) -> [Link]) {
        let (unused, differs, mayMore, isAnother) = state.withLock { state in
            let before = (state.facts, state.allowsWrites)
            let unused = body(&state)
            state.permitWrites(except: unused)
            let isAnother = state.facts.changedUID != nil && before.0.changedUID == nil
            let mayMore = state.facts.authorization != before.0.authorization || state.facts.kinds != before.0.kinds
            return (unused, before != (state.facts, state.allowsWrites), mayMore, isAnother)
        }
        for link in unused { link.close() }
        if isAnother {
            watches.forget()
            // What was in sync was so in the cluster before: all of it is looked at when a cluster is listed again.
            progress.pending(Set(currentPlan.namespaces.keys))
        }
        applyGate()
        if mayMore {
            watches.retryRefused()
            queue.clearBackoff()
        }
        if differs { context.changed(name, nil) }
    }

    /// Opens and shuts what the state allows. Coming back from a shut gate, nothing waits out a backoff.
    ///
    /// The state is read inside of the gate's lock, so that of two calls at once the later one has the last word.
    private func applyGate() {
        gate.withLock { hadWrites in
            let (reads, writes) = state.withLock { ($0.allowsReads, $0.allowsWrites) }
            watches.open(reads && hasPlan.withLock { $0 })
            if hadWrites != writes {
                context.logger.debug(
                    "gate", metadata: ["dataplane": "\(name)", "writes": "\(writes)", "reads": "\(reads)"])
                if writes {
                    queue.clearBackoff()
                    queue.resume()
                } else {
                    queue.pause()
                }
            }
            hadWrites = writes
        }
    }
}
