import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

/// What an agent tells others.
extension Agent {
    /// Everything that it has to tell.
    /// - Parameter limit: how many failures are named.
    package func report(failures limit: Int = FailureEntry.limit) -> AgentReport {
        // The stage changes only after `progress` knows the work for it, so it is read first. Otherwise a namespace that is
        // in sync with the stage before would be taken for one that is in sync with this stage.
        let (decisions, stage, plan) = state.withLock { ($0.decisions, $0.stage, $0.plan) }
        let progress = progress.report(failures: limit, plans: plan.isObserving)
        let flyte = flyteHealth.health
        let hasResult = Self.hasResult(decisions, hasPending: progress.pending > 0)
        return AgentReport(
            facts: decisions.facts, authorization: authorization(decisions.facts, plan),
            listsEssentials: !isListing(plan.types.filter(Permissions.essentials.contains)),
            linkInUse: decisions.active?.configuration, credential: source?.source.report, flyte: flyte,
            progress: progress, pruneObjection: pruneObjection, endingObject: endingObject,
            stage: stage, hasResult: hasResult,
            isSettling: progress.lastComplete == nil && !hasResult && isEarly,
            isFlyteSettling: decisions.allowsWork && (flyte?.isSettling ?? false) && isEarly)
    }

    /// Parts of the report, for those that ask often.
    package var facts: AgentFacts { state.withLock { $0.decisions.facts } }
    package var linkInUse: LinkConfiguration? { state.withLock { $0.decisions.active?.configuration } }
    /// How far it is, without the failures.
    package var progressReport: ProgressReport { progress.report() }

    /// Whether it may still come to a first result soon.
    ///
    /// Once everything was in sync, later changes are new work and no longer part of the start, so that a status does
    /// not claim to be settling for ever.
    var isSettling: Bool {
        isEarly && progress.lastComplete == nil
            && !Self.hasResult(state.withLock { $0.decisions }, hasPending: progress.hasPending)
    }
    private var isEarly: Bool { context.timeline.now < started + Self.settlingTime }
    static let settlingTime = Duration.seconds(20)

    /// Whether it has a first result: it has looked at everything once, or something prevents that.
    private static func hasResult(_ decisions: AgentDecisions, hasPending: Bool) -> Bool {
        let facts = decisions.facts
        if decisions.allowsWork { return !facts.listTroubles.isEmpty || !hasPending }
        return facts.changedUID != nil || facts.tokenRejected != nil || facts.isUnreachable
    }

    private func authorization(
        _ facts: AgentFacts, _ plan: DataPlanePlan
    ) -> DataPlaneFacts.Authorization {
        guard facts.authorization == .unsaid else { return facts.authorization }
        if !facts.refused.isEmpty { return .missing(facts.refused.sorted()) }
        return isListing(plan.types) ? .unsaid : .inferred
    }

    /// Whether this is the agent that may write to that cluster, once it is connected.
    func isApproved(for uid: String) -> Bool {
        state.withLock { !$0.decisions.isDuplicate && $0.decisions.approvedUID == uid }
    }
    /// Whether many namespaces wait, so that their results are reported together.
    var isBusy: Bool { isWorking && progress.pendingCount > 8 }
    var isWorking: Bool { state.withLock { $0.decisions.allowsWork } }

    /// Reports the result for a namespace. If the same objects failed as before, it reports that once per probe
    /// interval. So the number of failures does not decide how often the DataPlane is reconciled.
    func tell(_ news: SyncProgress.News, of namespace: String) {
        switch news {
        case .none, .outdated: return
        case .news: break
        case .details:
            let interval = context.settings.breaker.probeInterval
            let isDue = state.withLock { $0.reportsDetails(every: interval, now: context.timeline.now) }
            guard isDue else { return }
            progress.showDetails()
        }
        context.changed(name, .namespace(namespace, isBusy: isBusy))
    }
}
