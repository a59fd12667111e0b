import DataPlaneAgent
import Fleet

extension Reconcilers {
    /// Somebody has asked for this key. Nothing that it depends on waits for its backoff any longer.
    func lookAtOnce(_ work: Work) {
        logger.info("asked to look at once", metadata: ["work": "\(work)"])
        switch work {
        case .dataPlane(let name): pool[name]?.tryAgain()
        case .assignment(let name):
            if let key = plan?.assignments[name]?.spec.projectDomain { retry([key]) }
            flyteAdmin?.ask()
        case .project(let name):
            guard let plan, let object = caches.projects[key(name)]?.object else { break }
            let domains = object.effectiveDomains(plan.spec.domains)
            retry(domains.map { ProjectDomain(project: object.spec.project, domain: $0) })
        case .registry:
            queue.add([Work.plan, .publishing])
            flyteAdmin?.ask()
        case .executionLabel: queue.add(.publishing)
        default: break
        }
        queue.add(work)
    }

    /// Tries their namespaces again wherever they are not in sync.
    private func retry(_ domains: [ProjectDomain]) {
        let names = domains.compactMap { plan?.answer($0)?.name }
        for session in pool.all { session.tryAgain(names) }
    }
}
