import ControlLoop
import DataPlaneAgent
import Fleet
import Support

/// Drops the notes about deleted objects, and returns the memory of a burst when no data plane waits for anything.
struct TidyingController: Sendable {
    let plans: PlanUpdater
    let agents: DataPlaneAgents
    let clusters: ClusterIdentities
    let statuses: Statuses

    func reconcile() -> Controller<Work>.Outcome {
        if let plan = plans.inForce {
            // A reconcile that was under way may have noted something after the deletion.
            let uids = Set(plan.generations.keys)
            statuses.retain(uids)
            clusters.retain(uids)
            agents.pool.retainMetrics(of: Set(plan.dataPlanes.keys))
        }
        guard !agents.pool.hasPending else { return .requeue(after: Delay.tidyingWhilePending) }
        if agents.rendered.removeAll() >= Self.worthReturning { returnFreeMemory() }
        return .done
    }

    /// With fewer namespaces, returning their memory is not worth the work.
    private static let worthReturning = 32
}
