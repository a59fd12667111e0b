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
    let progress = NamespaceProgressBoard()
    private let state: Locked<SessionState>
    private let plan: Locked<DataPlanePlan>
    private let observed: Locked<[ResourceType: ObservedObjects]>
    private let watchers: Locked<[Watcher<PartialObject, ObservedObject>]> = Locked([])
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
        self.plan = Locked(plan)
        started = context.timeline.now
        queue = WorkQueue(
            WorkQueueState(limit: context.settings.workersPerDataPlane), timeline: context.timeline)
        queue.pause()
        var initial = SessionState(configuration, breaker: context.settings.breaker)
        _ = initial.configure(configuration, connect: context.connect)
        state = Locked(initial)
        observed = Locked(Dictionary(uniqueKeysWithValues: plan.types.map { ($0, ObservedObjects()) }))
        progress.replace(with: Set(plan.namespaces.keys))
    }

    // MARK: What others tell it

    /// Takes new settings. Only a change of the link reconnects.
    func configure(_ configuration: SessionConfiguration) {
        let before = state.withLock { $0.configuration }
        guard configuration != before else { return }
        change { [context] state in state.configure(configuration, connect: context.connect) }
        wake.advance()
    }

    /// Another, older DataPlane has the same cluster (or has it no more).
    func hold(asDuplicate isDuplicate: Bool) {
        change { state in
            state.isDuplicate = isDuplicate
            return []
        }
    }

    /// The cluster with that UID may be written to.
    func approve(_ uid: String) {
        change { state in
            state.approvedUID = uid
            return []
        }
    }

    /// Takes a new plan and looks again at the namespaces for which it is another.
    func follow(_ new: DataPlanePlan) {
        let old = plan.withLock { plan in
            defer { plan = new }
            return plan
        }
        let changed = new.changes(since: old)
        progress.replace(with: Set(new.namespaces.keys))
        progress.pending(changed)
        queue.add(changed)
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
        if writes, facts.watchProblem == nil { return !progress.hasPending }
        return facts != SessionFacts() && facts.changedUID != nil || facts.tokenRejected != nil || facts.isUnreachable
    }
    var isWorking: Bool { state.withLock { $0.allowsWrites } }

    // MARK: Running

    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.probe() }
            group.addTask { await self.watchAndSync() }
            group.addTask { await self.follow() }
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
            let (links, full) = state.withLock { state in
                ([state.candidate, state.active].compactMap { $0 }, state.needsFullProbe)
            }
            for link in links {
                let result = await link.probe(full: full, needs: currentPlan.permissions)
                if Task.isCancelled { return }
                change { $0.take(result, of: link, now: timeline.now) }
            }
            // From start to start, so that a probe that runs into its timeout does not put off the next one.
            let delay = state.withLock { $0.probeDelay }
            await wake.wait(past: seen, until: start + delay, on: timeline)
            // However often it is woken, two probes are at least this far apart.
            await timeline.sleep(until: timeline.now + .milliseconds(links.isEmpty ? 0 : 20))
        }
    }

    private func watchAndSync() async {
        let types = currentPlan.types
        let made = types.map { watcher(of: $0) }
        for watcher in made { watcher.pause() }
        watchers.withLock { $0 = made }
        gate.withLock { $0.reads = nil }
        applyGate()
        await withDiscardingTaskGroup { group in
            for watcher in made { group.addTask { await watcher.run() } }
        }
    }

    private func follow() async {
        do {
            // Nothing is decided on half a picture.
            for objects in observed.withLock({ Array($0.values) }) { try await objects.store.ready() }
        } catch { return }
        queue.add(currentPlan.namespaces.keys.sorted(), priority: .background)
        let controller = Controller(queue) { [weak self] namespace in
            guard let self else { return .done }
            return await NamespaceSync(session: self).reconcile(namespace)
        }
        await controller.run()
    }

    private func watcher(of type: ResourceType) -> Watcher<PartialObject, ObservedObject> {
        let objects = observation(of: type)
        objects.store.subscribe { [weak self] change in
            let namespace = type.isNamespaced ? change.key.namespace ?? "" : change.key.name
            guard let self, change.origin != .firstList else { return }
            // Most events report what we have just written: they ask for no work.
            if let seen = change.value, self.isSettled(namespace, type, change.key, seen) { return }
            self.queue.add(namespace)
        }
        return Watcher(
            SessionListWatch(type: type, session: self), into: objects.store,
            configuration: context.settings.watcher, timeline: context.timeline,
            observer: { [weak self] in self?.watch(of: type, became: $0) },
            project: { [weak self] object in self?.observe(object.metadata, of: type) })
    }

    private func isSettled(_ namespace: String, _ type: ResourceType, _ key: ObjectKey, _ seen: ObservedObject) -> Bool
    {
        guard !seen.isTerminating, seen.foreignOwner == nil else { return false }
        return seen.satisfies != nil && progress.isSynced(namespace)
            || queue.isInFlight(namespace) && seen.satisfies != nil
    }

    private func watch(of type: ResourceType, became status: WatcherStatus) {
        context.logger.debug("watch", metadata: ["dataplane": "\(name)", "type": "\(type)", "status": "\(status)"])
        switch status {
        case .synced:
            for key in observation(of: type).listedAnew() {
                queue.add(type.isNamespaced ? key.namespace ?? "" : key.name, priority: .background)
            }
            change { state in
                state.watchProblem(nil)
                return []
            }
        case .connected: break
        case .failing(let error, _, _): requestFailed(error)
        case .silent(let after):
            context.logger.info("watch silent, replaced", metadata: ["type": "\(type)", "after": "\(after)"])
        case .suspicious(let suspicion, _):
            change { state in
                state.watchProblem("\(suspicion)")
                return []
            }
        case .confirmed, .paused: break
        }
    }

    // MARK: For its parts

    var currentPlan: DataPlanePlan { plan.withLock { $0 } }

    /// The link that requests may use now; nil while none may.
    var readableLink: Link? { state.withLock { $0.allowsReads ? $0.active : nil } }
    var writableLink: Link? { state.withLock { $0.allowsWrites ? $0.active : nil } }

    func observation(of type: ResourceType) -> ObservedObjects {
        observed.withLock { observed in
            if let known = observed[type] { return known }
            let new = ObservedObjects()
            observed[type] = new
            return new
        }
    }

    /// What is kept of an object that was seen, in the light of what is desired now.
    func observe(_ metadata: ObjectMeta, of type: ResourceType) -> ObservedObject {
        currentPlan.observe(metadata, of: type)
    }

    func requestFailed(_ error: KubeError) {
        guard !error.isCancelled, let answer = ProbeAnswer(error) else { return }
        let urgent = state.withLock { [context] state in
            state.requestFailed(answer, connectionBroke: error.isConnectionBroken, now: context.timeline.now)
        }
        applyGate()
        if case .tokenRejected = answer { context.credentialsRejected(name) }
        if urgent { wake.advance() }
        context.changed(name, nil)
    }

    func requestSucceeded() { state.withLock { [context] in $0.requestSucceeded(now: context.timeline.now) } }

    func wasForbidden() {
        state.withLock { $0.wasForbidden() }
        wake.advance()
    }

    /// Changes the state, then does what follows from it.
    private func change(_ body: (inout SessionState) -> [Link]) {
        let (unused, differs) = state.withLock { state in
            let before = (state.facts, state.allowsWrites)
            let unused = body(&state)
            return (unused, before != (state.facts, state.allowsWrites))
        }
        for link in unused { link.close() }
        applyGate()
        if differs { context.changed(name, nil) }
    }

    private let gate = Locked(Gate())
    private struct Gate: Sendable {
        var reads: Bool?
        var writes: Bool?
    }

    /// Opens and shuts what the state allows. Coming back from a shut gate, nothing waits out a backoff.
    ///
    /// The state is read inside of the gate's lock, so that of two calls at once the later one has the last word.
    private func applyGate() {
        gate.withLock { gate in
            let (reads, writes) = state.withLock { ($0.allowsReads, $0.allowsWrites) }
            if gate.reads != reads {
                for watcher in watchers.withLock({ $0 }) { reads ? watcher.resume() : watcher.pause() }
            }
            if gate.writes != writes {
                context.logger.debug(
                    "gate", metadata: ["dataplane": "\(name)", "writes": "\(writes)", "reads": "\(reads)"])
                if writes {
                    queue.clearBackoff()
                    queue.resume()
                } else {
                    queue.pause()
                }
            }
            gate = Gate(reads: reads, writes: writes)
        }
    }
}
