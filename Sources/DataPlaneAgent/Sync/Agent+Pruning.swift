import Fleet
import KubeObjects
import Logging

extension Agent {
    /// Whether one of these kinds has not been listed yet.
    func isListing(_ types: [ResourceType]) -> Bool {
        types.contains { if case .starting = readiness(of: $0) { true } else { false } }
    }

    /// Whether the surplus of a namespace may be deleted. It is decided once for each plan, since that takes a walk
    /// through all objects. A refusal is reported until it is resolved.
    func mayPrune(_ namespace: String, _ plan: DataPlanePlan, _ pruning: Pruning) -> Bool {
        let objection: String?
        if let known = memory.withLock({ $0.pruning.objection(on: plan.version) }) {
            objection = known
        } else {
            let census = Pruner(agent: self, plan: plan).census()
            objection =
                census.broken.map { "nothing is deleted while a template or placeholder is broken: \($0)" }
                ?? pruning.objection(surplus: census.surplus, managed: census.managed)
            memory.withLock { $0.pruning.judge(plan.version, objection) }
            if let objection {
                context.logger.error("not pruned", metadata: ["dataplane": "\(name)", "why": "\(objection)"])
            }
        }
        guard let objection else {
            hasNoSurplus(namespace)
            return true
        }
        if memory.withLock({ $0.pruning.hold(namespace, objection) }) { context.changed(name, .facts) }
        return false
    }

    /// Notes that nothing is held back in that namespace any more.
    func hasNoSurplus(_ namespace: String) {
        if memory.withLock({ $0.pruning.release(namespace) }) { context.changed(name, .facts) }
    }

    /// The message for objects that were not deleted.
    var pruneObjection: String? { memory.withLock { $0.pruning.objection } }
}
