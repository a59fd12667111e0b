import Fleet
import KubeObjects
import Logging

extension DataPlaneSession {
    /// Whether one of these kinds has not been listed yet.
    func isListing(_ types: [ResourceType]) -> Bool {
        types.contains { if case .starting = readiness(of: $0) { true } else { false } }
    }

    /// Whether the surplus of a namespace may be deleted; looked into once for each plan, since it walks through all
    /// objects. Where it may not, that is told until it is resolved.
    func mayPrune(_ namespace: String, _ plan: DataPlanePlan, _ pruning: Pruning) -> Bool {
        let objection: String?
        if let verdict = pruneGate.withLock({ $0.verdict(on: plan.version) }) {
            objection = verdict
        } else {
            let census = Pruner(session: self, plan: plan).census()
            objection =
                census.broken.map { "nothing is deleted while a template or placeholder is broken: \($0)" }
                ?? pruning.objection(surplus: census.surplus, managed: census.managed)
            pruneGate.withLock { $0.judge(plan.version, objection) }
            if let objection {
                context.logger.error("not pruned", metadata: ["dataplane": "\(name)", "why": "\(objection)"])
            }
        }
        guard let objection else {
            hasNoSurplus(namespace)
            return true
        }
        if pruneGate.withLock({ $0.hold(namespace, objection) }) { context.changed(name, .facts) }
        return false
    }

    /// Nothing in that namespace is held back any more.
    func hasNoSurplus(_ namespace: String) {
        if pruneGate.withLock({ $0.release(namespace) }) { context.changed(name, .facts) }
    }

    /// What to say of objects that were not deleted.
    var pruneObjection: String? { pruneGate.withLock { $0.objection } }
}
