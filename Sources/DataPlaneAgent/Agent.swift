import ControlLoop
import Fleet
import JSON
import Kube
import KubeObjects
import Logging
import Support

/// The agent of one data plane: it probes the data plane, watches our objects there and makes its namespaces equal to the
/// plan.
///
/// It shares nothing: connections, breaker, queue, workers and rate limit are its own. So trouble in one data plane
/// does not slow down another. `AgentDecisions` decides, and this acts.
package final class Agent: Sendable {
    /// The name of the DataPlane object.
    package let name: String
    let subject: AgentSubject
    let context: AgentContext
    let queue: WorkQueue<String>
    let progress: SyncProgress
    let state: Locked<AgentState>
    let memory = Locked(SyncMemory())
    let watches = TypeWatches()
    /// Looks at Flyte in the data plane.
    let flyteHealth: FlyteHealthCheck
    let sources = ChildTasks<RunningSource>()
    /// Whether writes were allowed at the last look. Nil before the first look. What follows from a look is done under
    /// this lock.
    private let gate = Locked<Bool?>(nil)
    /// Held while a plan is taken: the steps of two plans must not mix.
    private let following = Locked(())
    /// Moves when the next probe becomes due sooner than before.
    let wake = Signal()
    let started: Duration
    private let stopped = Signal()

    init(
        name: String, subject: AgentSubject, configuration: AgentConfiguration, plan: DataPlanePlan,
        context: AgentContext
    ) {
        self.name = name
        self.subject = subject
        self.context = context
        progress = SyncProgress(wallClock: context.wallClock)
        flyteHealth = FlyteHealthCheck(name: name, context: context)
        started = context.timeline.now
        queue = WorkQueue(
            WorkQueueState(
                limit: context.settings.workersPerDataPlane + context.settings.workersForFresh,
                freshReserve: context.settings.workersForFresh),
            share: context.share, timeline: context.timeline)
        queue.pause()
        var decisions = AgentDecisions(configuration, breaker: context.settings.breaker)
        decisions.isObserving = plan.isObserving
        _ = decisions.configure(configuration, connect: context.connect)
        state = Locked(AgentState(decisions, plan))
        watches.follow(plan.types)
        memory.withLock { [started] in $0.latencies.changed(plan.namespaces.keys, since: plan.changedAt ?? started) }
        progress.replace(with: Set(plan.namespaces.keys))
        follow(configuration.source)
        flyteHealth.follow(configuration.flyte, for: self)
    }

    // MARK: News from others

    /// Takes new settings. Only a change of the link reconnects.
    func configure(_ configuration: AgentConfiguration) {
        let before = state.withLock { $0.decisions.configuration }
        guard configuration != before else { return }
        follow(configuration.source)
        flyteHealth.follow(configuration.flyte, for: self)
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

    func isSenior(to other: Agent) -> Bool { subject.seniority < other.subject.seniority }
    /// Whether it is held back because an older DataPlane has the cluster.
    var isHeld: Bool { state.withLock { $0.decisions.isDuplicate } }

    /// Allows writes to the cluster with that UID.
    func approve(_ uid: String) {
        change { state in
            state.approvedUID = uid
            return []
        }
    }

    /// Takes a new plan and queues the namespaces that it changes. Two callers may have different plans.
    package func follow(_ new: DataPlanePlan) { following.withLock { _ in take(new) } }

    private func take(_ new: DataPlanePlan) {
        // Observe comes before anything else, so that waiting writes are no longer sent. The way back to Enforce comes
        // last.
        if new.isObserving, new.version.plan >= currentPlan.version.plan { observe(true) }
        defer { observe(currentPlan.isObserving) }
        guard let (change, isFirst) = state.withLock({ $0.follow(new) }) else { return }
        watches.follow(new.types)
        if change.changesTypes {
            self.change { state in
                state.retainTroubles(of: new.types)
                return []
            }
        }
        if isFirst { applyGate() }
        if change.changesMode || change.changesIdentity { watches.forget() }
        let changedAt = change.seenAt ?? context.timeline.now
        let held = memory.withLock { memory in
            memory.pruning.retain { new.pruning != nil && new.namespaces[$0] != nil }
            memory.latencies.retain { new.namespaces[$0] != nil }
            memory.latencies.changed(change.changed, since: changedAt)
            return memory.pruning.heldNamespaces
        }
        // This plan may release them. Several plans in a row are judged once.
        for namespace in held { queue.add(namespace, after: .seconds(1)) }
        progress.follow(gone: change.gone, changed: change.changed)
        state.withLock { $0.stage = new.stage }
        if change.isForBackground { queue.add(change.changed, priority: .background) } else { want(change.changed) }
        // A review under way reads the needed rights when its answer comes.
        if change.needsOtherPermissions, !state.withLock({ $0.isReviewing }) { needsOtherPermissions() }
        if change.asksForKinds { callProbe { $0.callProbe() } }
    }

    private func observe(_ isObserving: Bool) {
        guard state.withLock({ $0.decisions.isObserving }) != isObserving else { return }
        change { state in
            state.isObserving = isObserving
            return []
        }
    }

    /// A change was just made there. It goes before first lists and resyncs, even if the namespace is already in flight
    /// as a part of one and waits for the rate limit.
    func want(_ namespaces: Set<String>) {
        queue.add(namespaces)
        writableLink?.client.raise(namespaces)
    }

    /// Starts no work from now on. Work under way goes on.
    func shutDown() {
        queue.shutDown()
        writableLink?.client.stopWaiting()
    }

    /// Ends `run`.
    func stop() { stopped.advance() }

    // MARK: Running

    func run() async {
        applyGate()
        await withDiscardingTaskGroup { group in
            group.addTask { await self.probe() }
            group.addTask { await self.watches.run { self.watcher(of: $0, into: $1) } }
            group.addTask { await self.sync() }
            group.addTask { await self.sources.run { await $0.run() } }
            group.addTask { await self.flyteHealth.run(for: self) }
            await stopped.wait(past: 0)
            queue.shutDown()
            group.cancelAll()
        }
        for link in state.withLock({ $0.decisions.links }) { link.close() }
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
            },
            glance: { [weak self] namespace in
                self.flatMap { NamespaceSync(agent: $0, namespace: namespace).glance() }
            },
            reconcile: { [weak self] namespace in
                guard let self else { return .done }
                return await NamespaceSync(agent: self, namespace: namespace).reconcile()
            })
        await controller.run()
    }

    // MARK: For its parts

    package var currentPlan: DataPlanePlan { sharedPlan.value }
    /// The same for what is asked for each object.
    var sharedPlan: Shared<DataPlanePlan> { state.withLock { $0.sharedPlan } }

    /// The source of the token, if the token renews itself. See `follow(_: SourceReference?)`.
    func sourceInForce<Result: Sendable>(_ body: (inout RunningSource?) -> Result) -> Result {
        state.withLock { body(&$0.source) }
    }

    /// The link that reads may use now. Nil while none may.
    var readableLink: Link? { state.withLock { $0.decisions.readLink } }
    var writableLink: Link? { state.withLock { $0.decisions.writeLink } }

    func readiness(of type: ResourceType) -> TypeWatches.Readiness { watches.readiness(of: type) }

    var watchedTypes: [(type: ResourceType, objects: KindInventory)] { watches.ready }

    /// What is kept of an object that was seen, compared with the present plan. In Observe the watches show all objects
    /// of a kind. Then only the Namespaces are kept of namespaces that are not wanted.
    /// - Parameter whole: the object with its content, if the watch asks for it.
    func observe(_ metadata: ObjectMeta, _ whole: JSON?, of type: ResourceType) -> InventoryEntry? {
        let plan = sharedPlan
        let seen = plan.value.observe(metadata, of: type, content: plan.value.readsContent(of: type) ? whole : nil)
        if plan.value.isObserving, type != Namespace.resourceType, plan.value.namespaces[seen.place] == nil {
            return nil
        }
        return seen
    }

    /// Whether Flyte made that namespace.
    func isFromFlyte(_ namespace: String) -> Bool {
        let key = ObjectKey(namespace: nil, name: namespace)
        return watches[Namespace.resourceType]?[key]?.standing?.isFromFlyte ?? false
    }

    /// Changes the state, then acts on the difference.
    func change(_ body: (inout AgentDecisions) -> [Link]) {
        let (unused, differs, mayMore, isAnother) = state.withLock { state in
            let before = (state.decisions.facts, state.decisions.allowsWrites)
            let linkBefore = state.decisions.active
            let unused = body(&state.decisions)
            state.decisions.permitWrites(except: unused)
            let facts = state.decisions.facts
            let isAnother = facts.changedUID != nil && before.0.changedUID == nil
            let mayMore = facts.authorization != before.0.authorization || facts.kinds != before.0.kinds
            // The status names the credential in use.
            let differs = before != (facts, state.decisions.allowsWrites) || state.decisions.active !== linkBefore
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
    func applyGate() {
        gate.withLock { hadWrites in
            let (reads, writes, hasPlan) = state.withLock {
                ($0.decisions.allowsReads, $0.decisions.allowsWork, $0.hasPlan)
            }
            watches.open(reads && hasPlan)
            flyteHealth.open(reads)
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
