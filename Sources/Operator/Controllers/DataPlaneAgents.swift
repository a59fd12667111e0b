import DataPlaneAgent
import Fleet
import Kube

/// The agents of all data planes. It brings each agent in line with its object, and returns what the agent has found
/// out.
struct DataPlaneAgents: Sendable {
    let informers: Informers
    let pool: AgentPool
    let credentials: CredentialsReader
    let executions: ExecutionCounter
    let flyteAdmin: FlyteAdminReports
    let rendered = RenderCache()

    /// Gives the agent its new plan.
    func follow(_ plan: PlanInForce, _ agent: Agent) {
        guard let object = plan.dataPlanes[agent.name] else { return }
        let facts = agent.facts
        agent.follow(plan.plan(for: object, kinds: facts.kinds, discovered: facts.discovered, cache: rendered))
    }

    /// Ends the agent. Its objects in the data plane stay.
    func remove(_ name: String) { pool.remove(name) }

    /// The same for a deleted DataPlane.
    func forget(_ name: String) {
        pool.remove(name)
        executions.drop(name)
    }

    /// Brings the agent in line with a usable object, and adds the agent's findings to `seen`.
    ///
    /// - Returns: the report of the agent, if there is one, and when to read the credentials again only because time
    ///   has passed.
    func update(
        _ object: DataPlane, _ plan: PlanInForce, _ seen: inout DataPlaneFacts
    ) -> (report: AgentReport?, again: Duration?) {
        let name = object.metadata.name
        let facts = credentials.read(object)
        credentials.take(facts, of: object, plan.spec, into: &seen)
        seen.sourceNotAllowed = informers.refusal(of: object.spec.valuesFrom)
        if case .invalid(let reason, _) = facts.state, reason.forbidsSending {
            remove(name)
            return (nil, facts.again)
        }
        var configuration = credentials.configuration(of: object, facts)
        // Broken credentials in the Secret don't end a connection whose own credentials still work.
        let subject = AgentSubject(object)
        let known = pool[name, subject]
        if configuration.link == nil, let inUse = known?.linkInUse {
            configuration.link = inUse
            configuration.source = configuration.source ?? inUse.source
            if case .invalid(let reason, let message) = seen.credentials {
                seen.credentials = .invalid(
                    reason, "the new credentials can't be used, the old ones stay in use: \(message)")
            }
        }
        configuration.flyte = credentials.flyteQuestion(of: object, plan, facts)
        let found = known?.facts
        let agent = pool.update(
            name, of: subject, configuration: configuration,
            plan: plan.plan(
                for: object, kinds: found?.kinds ?? .wellKnown, discovered: found?.discovered ?? [],
                known: known?.currentPlan, cache: rendered))
        agent.hold(asDuplicate: seen.duplicate != nil)
        let report = agent.report()
        take(report, of: object, recordedUID: configuration.recordedUID, into: &seen)
        if seen.flyte != nil { seen.flyte?.health = report.flyte ?? FlyteHealth() }
        seen.sync = .counted(report.progress.counts)
        seen.failures = report.progress.failures
        seen.failuresTotal = report.progress.failuresTotal
        seen.heldBack = report.pruneObjection
        seen.endingObject = report.endingObject
        seen.awaited = flyteAdmin.awaited(plan)
        seen.mode = plan.mode(of: object)
        if seen.mode == .observe {
            (seen.plan, seen.pending) = (report.progress.planned ?? PlannedChanges(), report.progress.pending)
        }
        if let problem = plan.problem {
            // No namespace is wanted then, so none would be missing.
            seen.registryProblem = problem.description
            seen.sync = .unknown
        }
        return (report, facts.again)
    }

    private func take(
        _ report: AgentReport, of object: DataPlane, recordedUID: String?, into seen: inout DataPlaneFacts
    ) {
        let facts = report.facts
        credentials.take(report, into: &seen)
        switch facts.reachability {
        case .unknown: seen.probe = .unknown
        case .reachable: seen.probe = .succeeded("answered at \(object.endpointDescription)")
        case .unreachable(let reason, let text, let attempts):
            let tried = attempts == 1 ? "tried once" : "tried at least \(attempts) times"
            let interval = pool.probeInterval.components.seconds
            seen.probe = .failed(reason, "\(object.endpointDescription): \(text); \(tried), next within \(interval) s")
        }
        switch facts.tokenRejected == nil ? facts.refusedCandidate : nil {
        case .tokenRejected(let text):
            seen.credentials = credentials.refusal(
                text, seen.tokenLifetime, prefix: "the new credentials don't work, the old ones stay in use: ")
        case .failed(let reason, let text) where facts.reachability == .reachable:
            seen.probe = .failedWithNewSettings(
                reason, "the new settings don't work, the old connection stays in use: \(text)")
        case .failed, .succeeded, nil: break
        }
        seen.authorization = report.authorization
        seen.listsEssentials = report.listsEssentials
        if let found = facts.changedUID {
            seen.identity = .changed(recorded: recordedUID ?? facts.clusterUID ?? "", found: found)
        } else if let uid = facts.clusterUID {
            seen.identity = .confirmed(uid: uid)
        }
        seen.kubernetesVersion = facts.kubernetesVersion
        seen.user = facts.identity
        seen.listTrouble = facts.overBudget?.description ?? facts.listTroubles.min { $0.key < $1.key }?.value
    }

    /// The revision that the data plane is known to have, or the one in its earlier status.
    func appliedRevision(of object: DataPlane, _ plan: PlanInForce, _ report: AgentReport?) -> Int64? {
        guard plan.spec.rollout.type == .progressive else { return nil }
        guard let report, let stage = report.stage, report.isComplete else { return object.status?.appliedRevision }
        return stage
    }
}

extension StatusPolicy.AgentStart {
    init(_ report: AgentReport) {
        self.init(isSettling: report.isSettling, isFlyteSettling: report.isFlyteSettling)
    }
}
