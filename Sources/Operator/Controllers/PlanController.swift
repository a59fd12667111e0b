import ControlLoop
import DataPlaneAgent
import Fleet

/// Updates the plan from what changed, and wakes the keys that the change touches.
struct PlanController: Sendable {
    let inputs: Inputs
    let agents: DataPlaneAgents
    let clusters: ClusterIdentities
    let publications: PublicationBoard
    let router: EventRouter

    func reconcile() -> Controller<Work>.Outcome {
        let look = inputs.plans.look(publications.discovered, attributes: publications.clusterResources)
        let caches = inputs.caches
        if let references = look.references {
            caches.secrets.follow(references.secrets)
            caches.configMaps.follow(references.configMaps)
        }
        guard let plan = inputs.plan else { return .done }
        caches.labelledSecrets.follow(plan.spec.replicateSecrets.contains { $0.selector != nil })
        for name in look.diff.dataPlanes { clusters.claim(name, plan.dataPlanes[name]) }
        // Data planes with more changes follow in the order of the queue.
        if !look.diff.isCommon, !look.diff.namespaces.isEmpty {
            for session in agents.pool.all where !look.diff.dataPlanes.contains(session.name) {
                agents.follow(plan, session)
                router.agentFollows(session.name)
            }
        }
        router.planChanged(look.diff, plan)
        return .done
    }
}
