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
    private let stageInProgress: Locked<Int64?>
    /// Whether a probe is under way that asks what may be done.
    private let isReviewing = Locked(false)
    /// Whether writes were let through when that was last looked at; nil before the first look.
    private let gate = Locked<Bool?>(nil)
    let pruneGate = Locked(PruneGate<DataPlanePlan.Version>())
    /// Moves when the next probe comes sooner than was thought.
    private let wake = Signal()
    /// Namespaces that failed for what they may have in common.
    let setbacks = Locked(Setbacks())
    let rewrites = Locked(RewriteGuard())
    /// When it last had more objects than its budget, and what that is.
    private let tooManyObjects = Locked<(limit: Int, at: Duration)?>(nil)
    private static let budgetMemory = Duration.seconds(60)
    /// What gives the token, where it renews itself; see `follow(_: SourceReference?)`.
    let running = Locked<RunningSource?>(nil)
    let sources = ChildTasks<RunningSource>()
    let latencies = Locked(SyncLatencies())
    private let flyteLook = Locked<FlyteHealthLook?>(nil)
    /// When a failure that goes on was last told of.
    private let lastDetails = Locked<Duration?>(nil)
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
        stageInProgress = Locked(plan.stage)
        started = context.timeline.now
        queue = WorkQueue(
            WorkQueueState(
                limit: context.settings.workersPerDataPlane + context.settings.workersForFresh,
                freshReserve: context.settings.workersForFresh),
            timeline: context.timeline)
        queue.pause()
        var initial = SessionState(configuration, breaker: context.settings.breaker)
        initial.isObserving = plan.isObserving
        _ = initial.configure(configuration, connect: context.connect)
        state = Locked(initial)
        watches.follow(plan.types)
        latencies.withLock { [started] in $0.changed(plan.namespaces.keys, since: plan.changedAt ?? started) }
        progress.replace(with: Set(plan.namespaces.keys))
        follow(configuration.source)
        flyteLook.withLock { [self] in $0 = FlyteHealthLook(self) }
        flyte?.follow(configuration.flyte)
    }

    // MARK: What others tell it

    /// Takes new settings. Only a change of the link reconnects.
    func configure(_ configuration: SessionConfiguration) {
        let before = state.withLock { $0.configuration }
        guard configuration != before else { return }
        follow(configuration.source)
        flyte?.follow(configuration.flyte)
        let known = facts.clusterUID
        change { [context] state in state.configure(configuration, connect: context.connect) }
        // What only records what is known asks for no probe.
        if configuration.link != before.link || configuration.recordedUID != known { callProbe { $0.callProbe() } }
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
        // Before anything else: what only waits for its turn is not sent any more. The other way round, it is the last thing.
        if new.isObserving, new.version.plan >= currentPlan.version.plan { observe(true) }
        defer { observe(currentPlan.isObserving) }
        let before = plan.withLock { plan -> DataPlanePlan? in
            // One that was made before the one in force says nothing new.
            guard plan.version != new.version, new.version.plan >= plan.version.plan else { return nil }
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
        // Other objects are watched then. What was compared so far is dropped, and nothing follows from it.
        if new.isObserving != old.isObserving { watches.forget() }
        var changed = new.changes(since: old)
        if new.pruning != old.pruning, new.pruning != nil { changed = Set(new.namespaces.keys) }
        let wanted = Set(new.namespaces.keys)
        let held = pruneGate.withLock { gate in
            gate.retain(new.pruning == nil ? [] : wanted)
            return gate.heldNamespaces
        }
        // What the data plane itself led to (another kind that it serves) is not as old as the plan.
        let isOfPlan = new.version.plan != old.version.plan
        let changedAt = (isOfPlan ? new.changedAt : nil) ?? context.timeline.now
        latencies.withLock { latencies in
            latencies.retain(wanted)
            latencies.changed(changed, since: changedAt)
        }
        // This plan may let them go. Several in a row are judged once.
        for namespace in held { queue.add(namespace, after: .seconds(1)) }
        progress.replace(with: wanted)
        progress.pending(changed)
        stageInProgress.withLock { $0 = new.stage }
        // What changes everywhere is no news of any one namespace: a project that comes then should not wait for it all.
        if changed.count == new.namespaces.count, changed.count > Self.manyNamespaces {
            queue.add(changed, priority: .background)
        } else {
            want(changed)
        }
        // A review under way is about what is needed when it is answered.
        if new.permissions != old.permissions, !isReviewing.withLock({ $0 }) { needsOtherPermissions() }
        if !new.unknownKinds.isSubset(of: old.unknownKinds) { callProbe { $0.callProbe() } }
    }

    private func observe(_ isObserving: Bool) {
        guard state.withLock({ $0.isObserving }) != isObserving else { return }
        change { state in
            state.isObserving = isObserving
            return []
        }
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

    /// The revision of the settings that it brings the data plane to, where changes are staged.
    ///
    /// It changes only once `progress` knows what is to be done for that: a reader never takes what was in sync with the
    /// revision before for being in sync with this one.
    var stage: Int64? { stageInProgress.withLock { $0 } }
    var facts: SessionFacts { state.withLock { $0.facts } }
    /// What looks at Flyte there.
    var flyte: FlyteHealthLook? { flyteLook.withLock { $0 } }
    /// Whether what is known of Flyte there may still come soon.
    var isFlyteSettling: Bool {
        isWorking && (flyte?.health?.isSettling ?? false) && context.timeline.now < started + Self.settlingTime
    }
    /// The settings of the link in use.
    var linkInUse: LinkConfiguration? { state.withLock { $0.active?.configuration } }
    /// Whether it may still come to a first result soon.
    ///
    /// Once all was in sync, what comes later is news and no late first result: a status must not go on saying that it is.
    var isSettling: Bool {
        progress.lastComplete == nil && !hasResult && context.timeline.now < started + Self.settlingTime
    }
    static let settlingTime = Duration.seconds(20)

    /// Whether it has come to a first result: everything was looked at once, or something keeps it from that.
    var hasResult: Bool {
        let (facts, works) = state.withLock { ($0.facts, $0.allowsWork) }
        if works { return !facts.listTroubles.isEmpty || !progress.hasPending }
        return facts.changedUID != nil || facts.tokenRejected != nil || facts.isUnreachable
    }
    /// Whether this is the session that may write to that cluster, once it is connected to it.
    func isApproved(for uid: String) -> Bool { state.withLock { !$0.isDuplicate && $0.approvedUID == uid } }
    /// Whether so many namespaces wait that their states are told together.
    var isBusy: Bool { isWorking && progress.pendingCount > 8 }
    var isWorking: Bool { state.withLock { $0.allowsWork } }

    // MARK: Running

    func run() async {
        applyGate()
        await withDiscardingTaskGroup { group in
            group.addTask { await self.probe() }
            group.addTask { await self.watches.run { self.watcher(of: $0, into: $1) } }
            group.addTask { await self.sync() }
            group.addTask { await self.sources.run { await $0.run() } }
            group.addTask { await self.flyte?.run() }
            await stopped.wait(past: 0)
            queue.shutDown()
            group.cancelAll()
        }
        let links = state.withLock { [$0.active, $0.candidate] }
        for link in links { link?.close() }
    }

    private func probe() async {
        while !Task.isCancelled {
            await probeOnce()
            await waitForNextProbe()
        }
    }

    private func probeOnce() async {
        let timeline = context.timeline
        let unknown = currentPlan.unknownKinds
        let (orders, before) = state.withLock { [context] state in
            let orders = state.beginProbe(unknown: unknown, now: timeline.now, connect: context.connect)
            return (orders, state)
        }
        isReviewing.withLock { $0 = orders.contains { $0.asksPermissions } }
        var reviewed: [Permission]?
        for order in orders {
            var questions = ProbeQuestions()
            if order.asksPermissions { questions.permissions = { self.currentPlan.permissions } }
            (questions.asksVersion, questions.apiVersions) = (order.asksVersion, order.apiVersions)
            let link = order.link
            let asked = timeline.now
            let result = await link.probe(questions)
            if Task.isCancelled { return }
            context.metrics.probed(name, result.answer, took: timeline.now - asked)
            if tellSource(of: link, result.answer) { continue }
            reviewed = result.reviewed ?? reviewed
            let known = facts
            change { $0.take(result, of: link, now: timeline.now) }
            let now = facts
            if let uid = now.clusterUID, uid != known.clusterUID { context.identified(self, uid) }
            if now.tokenRejected != nil, known.tokenRejected == nil { context.credentialsRejected(name) }
            guard case .succeeded = result.answer, link === before.active else { continue }
            // What the failed probe found dead, watches may be on as well: they would notice when they are silent.
            if before.breaker.hasFailed { watches.renew() }
            // The token is taken again: what was refused meanwhile is worth another try.
            if before.doubtsToken {
                queue.add(setbacks.withLock { $0.takeRefused() }, priority: .background)
                watches.retryRefused()
            }
        }
        rewrites.withLock { $0.sweep(now: timeline.now) }
        noteBudget()
        isReviewing.withLock { $0 = false }
        if let reviewed, reviewed != currentPlan.permissions { needsOtherPermissions() }
        if isWorking, let next = setbacks.withLock({ $0.next() }) { queue.add(next, priority: .background) }
    }

    /// From start to start, so that a probe that runs into its timeout does not put off the next one.
    private func waitForNextProbe() async {
        while !Task.isCancelled {
            let seen = wake.generation
            let next = state.withLock { $0.nextProbe }
            guard context.timeline.now < next else { return }
            await wake.wait(past: seen, until: next, on: context.timeline)
        }
    }

    /// Wakes the probe where its next turn comes sooner than before.
    private func callProbe(_ call: (inout SessionState) -> Void) {
        let isSooner = state.withLock { state in
            let before = state.nextProbe
            call(&state)
            return state.nextProbe < before
        }
        if isSooner { wake.advance() }
    }

    func probeAgain() { callProbe { $0.callProbe() } }

    /// Its watch goes on at once, and so do writes. The probe sees who answers on the next connection.
    func watchWasCut() { callProbe { $0.watchWasCut() } }

    /// It is told for a while: between two tries all may look well.
    func hasTooManyObjects(_ limit: Int) {
        tooManyObjects.withLock { $0 = (limit, context.timeline.now) }
        noteBudget()
    }

    private func noteBudget() {
        let now = context.timeline.now
        let objects = tooManyObjects.withLock { known -> BudgetExcess? in
            known.flatMap { now - $0.at < Self.budgetMemory ? .objects($0.limit) : nil }
        }
        let excess = state.withLock { $0.active }?.excess ?? objects
        guard facts.overBudget != excess else { return }
        change { state in
            state.exceeds(excess)
            return []
        }
    }

    private func sync() async {
        queue.add(currentPlan.namespaces.keys.sorted(), priority: .background)
        // A fuse. A namespace has several requests, each with a limit of its own (`connection.timeoutSeconds`, ten minutes
        // at the most), and each may wait for the rate limit before.
        let deadline = Duration.seconds(3_600)
        let controller = Controller(
            queue, configuration: .init(deadline: deadline),
            observer: { [logger = context.logger, metrics = context.metrics, name] namespace, outcome, took in
                metrics.reconciled(.namespace, outcome, took: took)
                guard case .failed(let why, _) = outcome else { return }
                logger.log(
                    level: took < deadline ? .debug : .warning, "namespace not in sync",
                    metadata: ["dataplane": "\(name)", "namespace": "\(namespace)", "why": "\(why)"])
            }
        ) { [weak self] namespace in
            guard let self else { return .done }
            return await NamespaceSync(session: self, namespace: namespace).reconcile(namespace)
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

    /// What is kept of an object that was seen, in the light of what is desired now. In Observe all objects of a kind are
    /// seen: of those in namespaces that nobody wants, nothing is kept but the Namespaces.
    /// - Parameter whole: with the content, where that was asked for.
    func observe(_ metadata: ObjectMeta, _ whole: DynamicObject?, of type: ResourceType) -> ObservedObject? {
        let plan = currentPlan
        let seen = plan.observe(metadata, of: type, content: plan.readsContent(of: type) ? whole?.json : nil)
        if plan.isObserving, type != Namespace.resourceType, plan.namespaces[seen.place] == nil { return nil }
        return seen
    }

    /// Whether Flyte made that namespace.
    func isFromFlyte(_ namespace: String) -> Bool {
        let key = ObjectKey(namespace: nil, name: namespace)
        return watches[Namespace.resourceType]?[key]?.standing?.isFromFlyte ?? false
    }

    func requestFailed(_ error: KubeError) {
        guard !error.isCancelled, let answer = ProbeAnswer(error) else { return }
        callProbe { state in
            state.requestFailed(answer, connectionBroke: error.isConnectionBroken)
            state.permitWrites()
        }
        // Only a connection that broke says anything of other requests. What failed is told with its namespace.
        if error.isConnectionBroken { applyGate() }
    }

    func requestSucceeded(_ verbs: [String], _ type: ResourceType) {
        let hadRefusals = state.withLock { state in
            state.requestSucceeded()
            return !state.facts.refused.isEmpty
        }
        if hadRefusals { for verb in verbs { noted(verb, type, nil) } }
    }

    /// What is known of our rights: by reviews, or where none may be asked, by what was tried.
    var authorization: DataPlaneObservation.Authorization {
        let facts = facts
        guard facts.authorization == .unsaid else { return facts.authorization }
        if !facts.refused.isEmpty { return .missing(facts.refused.sorted()) }
        return isListing(currentPlan.types) ? .unsaid : .inferred
    }

    /// Namespaces and ServiceAccounts are listed, as far as the plan has them.
    var listsEssentials: Bool {
        !isListing(currentPlan.types.filter(Permissions.essentials.contains))
    }

    /// Notes whether the account may do that. Only a refusal that speaks of rights counts, not one by a policy or webhook.
    func noted(_ verb: String, _ type: ResourceType, _ error: KubeError?) {
        let permission = Permission(verb: verb, group: type.group, resource: type.plural)
        let isRefused = error.map {
            $0.isForbidden && ($0.status?.message.contains("cannot \(verb) resource") ?? false)
        }
        guard (isRefused ?? false) != facts.refused.contains(permission) else { return }
        change { state in
            state.request(permission, isRefused: isRefused ?? false)
            return []
        }
    }

    func wasForbidden() { callProbe { $0.wasForbidden() } }
    private func needsOtherPermissions() { callProbe { $0.needsOtherPermissions() } }

    /// A namespace came to something. Where all of it failed as before, that is told once an interval: however many fail,
    /// and however often, the DataPlane is not looked at for each.
    func tell(_ news: NamespaceProgressBoard.News, of namespace: String) {
        switch news {
        case .none, .outdated: return
        case .news: break
        case .details:
            let now = context.timeline.now
            let interval = context.settings.breaker.probeInterval
            let isDue = lastDetails.withLock { last in
                guard last.map({ now - $0 >= interval }) ?? true else { return false }
                last = now
                return true
            }
            guard isDue else { return }
            progress.showDetails()
        }
        context.changed(name, .namespace(namespace, isBusy: isBusy))
    }

    /// Changes the state, then does what follows from it.
    func change(_ body: (inout SessionState) -> [Link]) {
        let (unused, differs, mayMore, isAnother) = state.withLock { state in
            let before = (state.facts, state.allowsWrites)
            let linkBefore = state.active
            let unused = body(&state)
            state.permitWrites(except: unused)
            let isAnother = state.facts.changedUID != nil && before.0.changedUID == nil
            let mayMore = state.facts.authorization != before.0.authorization || state.facts.kinds != before.0.kinds
            // The status names the credential in use.
            let differs = before != (state.facts, state.allowsWrites) || state.active !== linkBefore
            return (unused, differs, mayMore, isAnother)
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
        if differs { context.changed(name, .facts) }
    }

    /// Opens and shuts what the state allows. Coming back from a shut gate, nothing waits out a backoff.
    ///
    /// The state is read inside of the gate's lock, so that of two calls at once the later one has the last word.
    private func applyGate() {
        gate.withLock { hadWrites in
            let (reads, writes) = state.withLock { ($0.allowsReads, $0.allowsWork) }
            watches.open(reads && hasPlan.withLock { $0 })
            flyte?.open(reads)
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
