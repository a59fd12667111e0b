import ControlLoop
import Fleet
import Kube
import KubeObjects
import Logging
import Support

/// One data plane at work: it probes the data plane, watches our objects there and makes its namespaces equal to the
/// plan.
///
/// It shares nothing: connections, breaker, queue, workers and rate limit are its own. So trouble in one data plane
/// does not slow down another. `SessionState` decides, and this acts.
package final class DataPlaneSession: Sendable {
    /// The name of the DataPlane object.
    package let name: String
    let subject: SessionSubject
    let context: SessionContext
    let queue: WorkQueue<String>
    package let progress: NamespaceProgressBoard
    private let state: Locked<SessionState>
    private let plan: Locked<DataPlanePlan>
    let watches = TypeWatches()
    private let hasPlan: Locked<Bool>
    private let stageInProgress: Locked<Int64?>
    /// Whether a probe with a review of our rights is under way.
    private let isReviewing = Locked(false)
    /// Whether writes were allowed at the last look. Nil before the first look.
    private let gate = Locked<Bool?>(nil)
    let pruneGate = Locked(PruneGate<DataPlanePlan.Version>())
    /// Moves when the next probe becomes due sooner than before.
    private let wake = Signal()
    /// Namespaces that failed, perhaps for a common cause.
    let setbacks = Locked(Setbacks())
    let rewrites = Locked(RewriteGuard())
    /// When it last had more objects than its budget allows, and the limit.
    private let tooManyObjects = Locked<(limit: Int, at: Duration)?>(nil)
    private static let budgetMemory = Duration.seconds(60)
    /// The source of the token, if the token renews itself. See `follow(_: SourceReference?)`.
    let running = Locked<RunningSource?>(nil)
    let sources = ChildTasks<RunningSource>()
    let latencies = Locked(SyncLatencies())
    private let flyteLook = Locked<FlyteHealthLook?>(nil)
    /// When details of lasting failures were last reported.
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
        // A change that only records what is known needs no probe.
        if configuration.link != before.link || configuration.recordedUID != known { callProbe { $0.callProbe() } }
    }

    /// An older DataPlane has the same cluster, or no longer has it.
    package func hold(asDuplicate isDuplicate: Bool) {
        change { state in
            state.isDuplicate = isDuplicate
            return []
        }
    }

    func isSenior(to other: DataPlaneSession) -> Bool { subject.seniority < other.subject.seniority }
    /// Whether it is held back because an older DataPlane has the cluster.
    var isHeld: Bool { state.withLock { $0.isDuplicate } }

    /// Allows writes to the cluster with that UID.
    func approve(_ uid: String) {
        change { state in
            state.approvedUID = uid
            return []
        }
    }

    /// Takes a new plan and queues the namespaces that it changes.
    package func follow(_ new: DataPlanePlan) {
        // Observe comes before anything else, so that waiting writes are no longer sent. The way back to Enforce comes
        // last.
        if new.isObserving, new.version.plan >= currentPlan.version.plan { observe(true) }
        defer { observe(currentPlan.isObserving) }
        let before = plan.withLock { plan -> DataPlanePlan? in
            // A plan that was made before the one in force changes nothing.
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
        // The watches then show other objects. All earlier comparisons are dropped.
        if new.isObserving != old.isObserving { watches.forget() }
        var changed = new.changes(since: old)
        if new.pruning != old.pruning, new.pruning != nil { changed = Set(new.namespaces.keys) }
        let wanted = Set(new.namespaces.keys)
        let held = pruneGate.withLock { gate in
            gate.retain(new.pruning == nil ? [] : wanted)
            return gate.heldNamespaces
        }
        // A change that the data plane itself caused (a kind that it now serves) is not as old as the plan.
        let isOfPlan = new.version.plan != old.version.plan
        let changedAt = (isOfPlan ? new.changedAt : nil) ?? context.timeline.now
        latencies.withLock { latencies in
            latencies.retain(wanted)
            latencies.changed(changed, since: changedAt)
        }
        // This plan may release them. Several plans in a row are judged once.
        for namespace in held { queue.add(namespace, after: .seconds(1)) }
        progress.replace(with: wanted)
        progress.pending(changed)
        stageInProgress.withLock { $0 = new.stage }
        // A change of every namespace goes into the background, so that a new project need not wait for it.
        if changed.count == new.namespaces.count, changed.count > Self.manyNamespaces {
            queue.add(changed, priority: .background)
        } else {
            want(changed)
        }
        // A review under way reads the needed rights when its answer comes.
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

    /// A change was just made there. It goes before first lists and resyncs, even if the namespace is already in flight
    /// as a part of one and waits for the rate limit.
    func want(_ namespaces: Set<String>) {
        queue.add(namespaces)
        writableLink?.client.raise(namespaces)
    }

    /// The first lists begin only when there is a plan to compare with. Otherwise everything that they show would be
    /// written anew.
    private func planIsReady() {
        let isNews = hasPlan.withLock { hasPlan in
            defer { hasPlan = true }
            return !hasPlan
        }
        if isNews { applyGate() }
    }

    /// Starts no work from now on. Work under way goes on.
    func shutDown() {
        queue.shutDown()
        writableLink?.client.stopWaiting()
    }

    /// Ends `run`.
    func stop() { stopped.advance() }

    // MARK: What it tells others

    /// The revision of the settings that it brings the data plane to, if changes are staged.
    ///
    /// It changes only after `progress` knows the work for it. So a reader never takes a namespace that is in sync with
    /// the revision before for one that is in sync with this revision.
    package var stage: Int64? { stageInProgress.withLock { $0 } }
    package var facts: SessionFacts { state.withLock { $0.facts } }
    /// Looks at Flyte in the data plane.
    package var flyte: FlyteHealthLook? { flyteLook.withLock { $0 } }
    /// Whether Flyte's health there may still become known soon.
    package var isFlyteSettling: Bool {
        isWorking && (flyte?.health?.isSettling ?? false) && context.timeline.now < started + Self.settlingTime
    }
    /// The settings of the link in use.
    package var linkInUse: LinkConfiguration? { state.withLock { $0.active?.configuration } }
    /// Whether it may still come to a first result soon.
    ///
    /// Once everything was in sync, later changes are new work and no longer part of the start, so that a status does
    /// not claim to be settling for ever.
    package var isSettling: Bool {
        progress.lastComplete == nil && !hasResult && context.timeline.now < started + Self.settlingTime
    }
    static let settlingTime = Duration.seconds(20)

    /// Whether it has a first result: it has looked at everything once, or something prevents that.
    package var hasResult: Bool {
        let (facts, works) = state.withLock { ($0.facts, $0.allowsWork) }
        if works { return !facts.listTroubles.isEmpty || !progress.hasPending }
        return facts.changedUID != nil || facts.tokenRejected != nil || facts.isUnreachable
    }
    /// Whether this is the session that may write to that cluster, once it is connected.
    func isApproved(for uid: String) -> Bool { state.withLock { !$0.isDuplicate && $0.approvedUID == uid } }
    /// Whether so many namespaces wait that their results are reported together.
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
        for link in state.withLock({ $0.links }) { link.close() }
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
            // Watches may use the connection that the failed probe found dead, and would notice that only after their
            // silence limit.
            if before.breaker.hasFailed { watches.renew() }
            // The token is accepted again, so requests that were refused meanwhile are tried again.
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

    /// Waits from the start of one probe to the start of the next, so that a probe that times out does not delay the
    /// next one.
    private func waitForNextProbe() async {
        while !Task.isCancelled {
            let seen = wake.generation
            let next = state.withLock { $0.nextProbe }
            guard context.timeline.now < next else { return }
            await wake.wait(past: seen, until: next, on: context.timeline)
        }
    }

    /// Wakes the probe if its next turn is sooner than before.
    private func callProbe(_ call: (inout SessionState) -> Void) {
        let isSooner = state.withLock { state in
            let before = state.nextProbe
            call(&state)
            return state.nextProbe < before
        }
        if isSooner { wake.advance() }
    }

    func probeAgain() { callProbe { $0.callProbe() } }

    /// The watch and the writes go on at once. The next probe checks which server answers on the new connection.
    func watchWasCut() { callProbe { $0.watchWasCut() } }

    /// The excess is shown for a while, since everything may look well between two attempts.
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
        // This is a fuse. A namespace needs several requests. Each has its own limit (`connection.timeoutSeconds`, at
        // most ten minutes) and may wait for the rate limit first.
        let deadline = Duration.seconds(3_600)
        let controller = Controller(
            queue, configuration: .init(deadline: deadline),
            observer: { [logger = context.logger, metrics = context.metrics, name] namespace, outcome, took in
                metrics.reconciled(namespace: outcome, took: took)
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

    package var currentPlan: DataPlanePlan { plan.withLock { $0 } }

    /// The link that reads may use now. Nil while none may.
    var readableLink: Link? { state.withLock { $0.readLink } }
    var writableLink: Link? { state.withLock { $0.writeLink } }

    func readiness(of type: ResourceType) -> TypeWatches.Readiness { watches.readiness(of: type) }

    var watchedTypes: [(type: ResourceType, objects: ObservedObjects)] { watches.ready }

    /// What is kept of an object that was seen, compared with the present plan. In Observe the watches show all objects
    /// of a kind. Then only the Namespaces are kept of namespaces that are not wanted.
    /// - Parameter whole: the object with its content, if the watch asks for it.
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
        // Only a broken connection affects other requests. The namespace reports its own failure.
        if error.isConnectionBroken { applyGate() }
    }

    func requestSucceeded(_ verbs: [String], _ type: ResourceType) {
        let hadRefusals = state.withLock { state in
            state.requestSucceeded()
            return !state.facts.refused.isEmpty
        }
        if hadRefusals { for verb in verbs { noted(verb, type, nil) } }
    }

    /// What is known of our rights: from reviews, or from our own requests if we may not ask for a review.
    package var authorization: DataPlaneObservation.Authorization {
        let facts = facts
        guard facts.authorization == .unsaid else { return facts.authorization }
        if !facts.refused.isEmpty { return .missing(facts.refused.sorted()) }
        return isListing(currentPlan.types) ? .unsaid : .inferred
    }

    /// Whether Namespaces and ServiceAccounts are listed, as far as the plan has them.
    package var listsEssentials: Bool {
        !isListing(currentPlan.types.filter(Permissions.essentials.contains))
    }

    /// Notes whether the account may do that. Only a refusal about rights counts, not one by a policy or webhook.
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

    /// Reports the result for a namespace. If the same objects failed as before, it reports that once per probe
    /// interval. So the number of failures does not decide how often the DataPlane is reconciled.
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

    /// Changes the state, then acts on the difference.
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
            // They were in sync in the former cluster. Each is looked at again when a cluster is listed.
            progress.pending(Set(currentPlan.namespaces.keys))
        }
        applyGate()
        if mayMore {
            watches.retryRefused()
            queue.clearBackoff()
        }
        if differs { context.changed(name, .facts) }
    }

    /// Opens and closes what the state allows. When the gate opens again, no key waits for its backoff.
    ///
    /// The state is read under the gate's lock, so that of two concurrent calls the later one decides.
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
