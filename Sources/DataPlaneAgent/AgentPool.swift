import ControlLoop
import Fleet
import KubeObjects
import Support

/// The agents of all data planes that are worked on, by the name of their DataPlane.
package final class AgentPool: Sendable {
    private let context: AgentContext
    private let started: Duration
    private let agents = Locked<[String: Agent]>([:])
    /// The one agent that may write to each cluster, by the cluster's UID.
    private let writers = Locked<[String: Agent]>([:])
    private let tasks = ChildTasks<Agent>()
    /// The counters of ended agents' queues.
    private let ended = Locked(WorkQueueMetrics())

    package init(context: AgentContext) {
        self.context = context
        started = context.timeline.now
    }

    /// Runs the agents until the task is cancelled.
    package func run() async { await tasks.run { await $0.run() } }

    /// Starts no work from now on, and waits for the work in flight. Writes that wait for the rate limit are not sent:
    /// the next leader sends them.
    package func drain(until deadline: Duration) async {
        let agents = all
        for agent in agents { agent.shutDown() }
        for agent in agents { _ = await agent.queue.drained(until: deadline) }
    }

    /// The agent of that DataPlane, with these settings. It makes a new agent for a new subject, since facts about
    /// one server say nothing about another.
    package func update(
        _ name: String, of subject: AgentSubject, configuration: AgentConfiguration, plan: DataPlanePlan
    ) -> Agent {
        let (agent, isNew, replaced) = agents.withLock { [context] agents in
            let before = agents[name]
            if let before, before.subject == subject { return (before, false, Agent?.none) }
            var context = context
            context.identified = { [weak self] in self?.identified($0, as: $1) }
            let agent = Agent(
                name: name, subject: subject, configuration: configuration, plan: plan, context: context)
            agents[name] = agent
            return (agent, true, before)
        }
        if let replaced { end(replaced) }
        if isNew {
            tasks.start(agent)
        } else {
            agent.configure(configuration)
            agent.follow(plan)
        }
        return agent
    }

    /// Lets the agent write to the cluster with that UID, unless an older DataPlane's agent does. So at most one
    /// agent may write to a cluster. Returns the DataPlanes whose status must report it: the one that was refused, or
    /// the one that must stop.
    ///
    /// The facts of the agents count here, and not only the statuses: an older one may have answered since the caller
    /// looked.
    package func approve(_ uid: String, for name: String, _ subject: AgentSubject) -> [String] {
        guard let agent = self[name, subject] else { return [] }
        // The lock covers decision and action, so that no other decision comes in between.
        return writers.withLock { writers in
            // Nothing has changed. If an older one answers later, `identified` stops this one.
            if writers[uid] === agent, agent.isApproved(for: uid) { return [] }
            let before = writers[uid].flatMap { $0 !== agent && self[$0.name] === $0 ? $0 : nil }
            guard !hasSenior(agent, uid), before.map({ agent.isSenior(to: $0) }) ?? true else {
                agent.hold(asDuplicate: true)
                return [name]
            }
            before?.hold(asDuplicate: true)
            writers = writers.filter { $0.value !== agent }
            writers[uid] = agent
            agent.approve(uid)
            return before.map { [$0.name] } ?? []
        }
    }

    /// An older DataPlane has answered for the first time, from a cluster that a newer one writes to. The newer one
    /// stops at once. The older one takes over when its own status records the cluster.
    private func identified(_ agent: Agent, as uid: String) {
        let stopped = writers.withLock { writers -> Agent? in
            guard let before = writers[uid], before !== agent, agent.isSenior(to: before), !agent.isHeld else {
                return nil
            }
            before.hold(asDuplicate: true)
            return before
        }
        if let stopped { context.changed(stopped.name, .facts) }
    }

    /// Whether an older DataPlane has the same cluster and is not itself held back.
    private func hasSenior(_ agent: Agent, _ uid: String) -> Bool {
        all.contains { $0 !== agent && $0.isSenior(to: agent) && $0.facts.clusterUID == uid && !$0.isHeld }
    }

    /// Ends the agent. What it made in the data plane stays.
    package func remove(_ name: String) {
        if let agent = agents.withLock({ $0.removeValue(forKey: name) }) { end(agent) }
    }

    private func end(_ agent: Agent) {
        agent.stop()
        let counted = agent.queue.metrics.counted
        ended.withLock { $0 += counted }
        writers.withLock { writers in writers = writers.filter { $0.value !== agent } }
    }

    /// The agent of that DataPlane, if it is still about the same server.
    package subscript(name: String, subject: AgentSubject) -> Agent? {
        self[name].flatMap { $0.subject == subject ? $0 : nil }
    }
    package func renewed(_ name: String, _ outcome: RenewalOutcome) { context.metrics.renewed(name, outcome) }
    /// Drops the metrics of all other data planes, which no longer exist.
    package func retainMetrics(of names: Set<String>) { context.metrics.retain(names) }
    /// The queues of all data planes as one, and how many keys they can work on at a time.
    package var queueMetrics: (metrics: WorkQueueMetrics, workers: Int) {
        let agents = all
        let settings = context.settings
        let metrics = agents.reduce(into: ended.withLock { $0 }) { $0 += $1.queue.metrics }
        return (metrics, agents.count * (settings.workersPerDataPlane + settings.workersForFresh))
    }
    package var probeInterval: Duration { context.settings.breaker.probeInterval }
    package subscript(name: String) -> Agent? { agents.withLock { $0[name] } }
    /// Whether any agent may still come to its first result soon after the common start. An agent that comes later
    /// must not hold back the results of the others.
    package var isSettling: Bool {
        context.timeline.now < started + Agent.settlingTime && counted.contains { $0.isSettling }
    }
    /// Whether work waits for a data plane that accepts it.
    package var hasPending: Bool { all.contains { $0.isWorking && $0.progress.hasPending } }
    package var all: [Agent] { agents.withLock { Array($0.values) } }
    /// The agents whose progress counts. A held agent has the cluster of an older one, and that one does its work.
    private var counted: [Agent] { all.filter { !$0.isHeld } }

    /// The namespaces of all data planes that are meant to be in sync: not of those in Observe.
    package var namespaces: NamespaceCounts {
        counted.filter { !$0.currentPlan.isObserving }.reduce(.zero) { $0 + $1.progress.counts }
    }
    /// The copies of Secrets in all data planes.
    package var copies: ReplicationCounts { counted.map(\.copies).reduce(ReplicationCounts(desired: 0, synced: 0), +) }

    package func progress(of namespace: NamespaceAnswer) -> NamespaceProgress {
        namespace.name.map { progress(of: $0) } ?? .zero
    }

    /// The progress of a namespace over all data planes that are worked on.
    package func progress(of namespace: String) -> NamespaceProgress {
        var result = NamespaceProgress.zero
        var first: String?
        var firstPending: String?
        for agent in counted {
            guard let progress = agent.progress[namespace] else { continue }
            result.desired += 1
            switch progress {
            case .pending:
                if firstPending.map({ agent.name < $0 }) ?? true, let obstacle = agent.obstacle(to: namespace) {
                    firstPending = agent.name
                    result.obstacle = "\(agent.name): \(obstacle)"
                }
            // In Observe, labels and assignments show what they would without it.
            case .synced, .planned(_, []): result.synced += 1
            case .failed(let failures), .planned(_, let failures):
                result.failed += 1
                // The failure of the first data plane by name, so that the message is stable.
                if first.map({ agent.name < $0 }) ?? true, let entry = failures.first?.entry {
                    first = agent.name
                    result.failure = "\(agent.name): \(entry.reason): \(entry.message)"
                }
            }
        }
        return result
    }
}
