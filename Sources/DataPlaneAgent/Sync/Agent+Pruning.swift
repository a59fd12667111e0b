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
    /// - Parameter object: a deleted object that is not gone, which the namespace waits for.
    func hasNoSurplus(_ namespace: String, ending object: String? = nil) {
        let (isReleased, isNews) = memory.withLock {
            ($0.pruning.release(namespace), $0.pruning.awaitEnd(of: object, in: namespace))
        }
        if isReleased { context.changed(name, .facts) }
        if isNews { context.changed(name, .namespace(namespace, isBusy: isBusy)) }
    }

    /// The message for objects that were not deleted.
    var pruneObjection: String? { memory.withLock { $0.pruning.objection } }

    /// What the first namespace that waits for the end of a deleted object waits for.
    var endingObject: String? {
        memory.withLock { $0.pruning.firstEnding }.map { "\($0.namespace): \(Self.waits(forEndOf: $0.object))" }
    }

    /// Why that namespace is pending. Nil if it is only its turn that it waits for.
    func obstacle(to namespace: String) -> String? {
        let (allowsWork, facts) = state.withLock { ($0.decisions.allowsWork, $0.decisions.facts) }
        if allowsWork { return memory.withLock { $0.pruning.ending(in: namespace) }.map(Self.waits(forEndOf:)) }
        // No more than the reason, since the text changes from one attempt to the next.
        if facts.changedUID != nil { return Reason.identityChanged }
        if facts.tokenRejected != nil { return CredentialsReason.tokenRejected.rawValue }
        if case .unreachable(let reason, _, _) = facts.reachability { return reason.rawValue }
        return nil
    }

    private static func waits(forEndOf object: String) -> String {
        "\(object) is being deleted; if that lasts, look at its finalizers"
    }
}
