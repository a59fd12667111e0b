import ControlLoop
import DataPlaneAgent
import Fleet
import Logging

/// Handles a user's request to reconcile an object: nothing that the object depends on waits for its backoff any longer.
struct RequestController: Sendable {
    let inputs: Inputs
    let pool: AgentPool
    let flyteAdmin: FlyteAdminLoop
    let router: EventRouter
    let logger: Logger

    func reconcile(_ work: Work) -> Controller<Work>.Outcome {
        logger.info("asked to look at once", metadata: ["work": "\(work)"])
        switch work {
        case .dataPlane(let name): pool[name]?.tryAgain()
        case .assignment(let name):
            if let key = inputs.plan?.assignments[name]?.spec.projectDomain { retry([key]) }
            flyteAdmin.ask()
        case .project(let name):
            guard let plan = inputs.plan, let object = inputs.informers.projects[inputs.informers.key(name)]?.object
            else {
                break
            }
            let domains = object.effectiveDomains(plan.spec.domains)
            retry(domains.map { ProjectDomain(project: object.spec.project, domain: $0) })
        case .registry: flyteAdmin.ask()
        default: break
        }
        router.lookAtOnce(work)
        return .done
    }

    /// Tries their namespaces again wherever they are not in sync.
    private func retry(_ domains: [ProjectDomain]) {
        let names = domains.compactMap { inputs.plan?.answer($0)?.name }
        for agent in pool.all { agent.tryAgain(names) }
    }
}
