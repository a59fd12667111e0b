import Fleet
import KubeObjects
import Logging

extension DataPlaneSession {
    /// Whether one of these kinds has not been listed yet.
    func isListing(_ types: [ResourceType]) -> Bool {
        types.contains { if case .starting = readiness(of: $0) { true } else { false } }
    }

    /// Why surplus objects are not deleted; looked into once for each plan, since it walks through all objects.
    func pruneObjection(_ plan: DataPlanePlan, _ pruning: Pruning) -> String? {
        if let judged = pruneJudgement.withLock({ $0 }), judged.version == plan.version { return judged.objection }
        let census = Pruner(session: self, plan: plan).census()
        let objection = pruning.objection(surplus: census.surplus, managed: census.managed)
        pruneJudgement.withLock { $0 = (plan.version, objection) }
        if let objection {
            context.logger.error("not pruned", metadata: ["dataplane": "\(name)", "why": "\(objection)"])
        }
        context.changed(name, nil)
        return objection
    }

    /// What to say of objects that were not deleted.
    var pruneObjection: String? { pruneJudgement.withLock { $0?.version == currentPlan.version ? $0?.objection : nil } }
}
