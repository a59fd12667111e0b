import ControlLoop
import DataPlaneAgent
import Fleet

/// Updates the plan from what changed, and wakes the keys that the change touches.
struct PlanController: Sendable {
    let inputs: Inputs
    let agents: DataPlaneAgents
    let clusters: ClusterIdentities
    let flyteAdmin: FlyteAdminReports
    let router: EventRouter

    func reconcile() -> Controller<Work>.Outcome {
        let update = inputs.plans.update(flyteAdmin.discovered, attributes: flyteAdmin.clusterResources)
        let informers = inputs.informers
        if let references = update.references {
            informers.secrets.follow(references.secrets)
            informers.configMaps.follow(references.configMaps)
        }
        guard let plan = inputs.plan else { return .done }
        informers.labelledSecrets.follow(plan.spec.replicateSecrets.contains { $0.selector != nil })
        for name in update.diff.dataPlanes { clusters.claim(name, plan.dataPlanes[name]) }
        // Data planes with more changes follow in the order of the queue.
        if !update.diff.isCommon, !update.diff.namespaces.isEmpty {
            for agent in agents.pool.all where !update.diff.dataPlanes.contains(agent.name) {
                agents.follow(plan, agent)
                router.agentFollows(agent.name)
            }
        }
        router.planChanged(update.diff, plan)
        return .done
    }
}
