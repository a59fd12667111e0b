import ControlLoop
import DataPlaneAgent
import Fleet
import Kube
import KubeObjects

/// Brings a data plane's agent in line with its DataPlane and credentials, and the status in line with the agent.
struct DataPlaneController: Sendable {
    let inputs: Inputs
    let agents: DataPlaneAgents
    let clusters: ClusterIdentities
    let statuses: Statuses
    let router: EventRouter

    func reconcile(_ name: String) async throws(KubeError) -> Controller<Work>.Outcome {
        let informers = inputs.informers
        guard let plan = inputs.plan else { return .done }
        router.dataPlaneIsLookedAt()
        // After the deletion of the object nothing is done in the data plane, although its cluster stays published for
        // a while.
        guard let decoded = informers.dataPlanes[informers.key(name)], !informers.hasGone(dataPlane: name) else {
            agents.forget(name)
            clusters.claim(name, nil)
            router.readinessChanged(statuses.readiness.set(dataPlane: name, nil))
            return .done
        }
        switch decoded {
        case .malformed(let metadata, let failure):
            agents.remove(name)
            try await statuses.report(
                malformed: metadata, .dataPlanes, DataPlaneConditions.conditions(malformed: SpecProblem(failure)),
                // A typo must not lose the cluster's UID and the warnings that were given.
                kept: ["clusterUID", "endpoint", "expiryWarnings"])
            return .done
        case .valid(let stored):
            guard let object = statuses.current(stored, plan) else { return .done }
            return try await reconcile(object, plan)
        }
    }

    private func reconcile(_ object: DataPlane, _ plan: PlanInForce) async throws(KubeError)
        -> Controller<Work>.Outcome
    {
        let name = object.metadata.name
        var seen = DataPlaneFacts()
        if plan.spec.flyteHealth.enabled { seen.flyte = (FlyteHealth(), plan.spec.flyteHealth) }
        clusters.claim(name, object)
        seen.duplicate = clusters.duplicate(of: name)
        var (report, again) = (AgentReport?.none, Duration?.none)
        if object.spec.enabled, object.spec.problems().isEmpty {
            (report, again) = agents.update(object, plan, &seen)
        } else {
            agents.remove(name)
        }
        // The agent may have learnt its cluster's UID meanwhile, so claim it again.
        clusters.claim(name, object)
        var status = seen.status(of: object, now: statuses.now)
        status.appliedRevision = agents.appliedRevision(of: object, plan, report)
        status.executions = plan.spec.flyteAdmin == nil ? nil : agents.executions.count(of: object)
        let isDuplicate = seen.duplicate != nil
        let start = report.map { StatusPolicy.AgentStart($0) }
        if let wait = StatusPolicy.waitForAgent(of: object, isDuplicate: isDuplicate, start) {
            // The present status stays until the new state is known.
            clusters.approve(object, status, isDuplicate: isDuplicate)
            router.readinessChanged(statuses.readiness.set(dataPlane: name, .init(object, object.status)))
            return .requeue(after: wait)
        }
        statuses.warn(object, status)
        statuses.explain(missing: seen.authorization, of: object, status)
        try await statuses.publish(status, of: object)
        clusters.approve(object, status, isDuplicate: isDuplicate)
        router.readinessChanged(statuses.readiness.set(dataPlane: name, .init(object, status)))
        if plan.mayWrite { try await clusters.record(status, on: object) }
        router.dataPlaneReported(plan)
        return again.map { .requeue(after: $0) } ?? .done
    }
}
