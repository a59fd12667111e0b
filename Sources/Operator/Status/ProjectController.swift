import ControlLoop
import DataPlaneAgent
import Fleet
import Kube
import KubeObjects

/// Gives a FlyteProject its status.
struct ProjectController: Sendable {
    let inputs: Inputs
    let pool: AgentPool
    let flyteAdmin: FlyteAdminReports
    let statuses: Statuses

    func reconcile(_ name: String) async throws(KubeError) -> Controller<Work>.Outcome {
        guard let plan = inputs.plan, let decoded = inputs.informers.projects[inputs.informers.key(name)] else {
            return .done
        }
        switch decoded {
        case .malformed(let metadata, let failure):
            let types = ConditionType.ofProject(nil)
            try await statuses.report(
                malformed: metadata, .flyteProjects, ConditionFinding.invalid(types, SpecProblem(failure)))
        case .valid(let stored):
            guard let object = statuses.current(stored, plan) else { return .done }
            if let wait = statuses.waitForFleet(object, plan) { return .requeue(after: wait) }
            if let problem = object.spec.problems().first ?? plan.problem {
                let types = ConditionType.ofProject(object.spec)
                try await statuses.report(
                    malformed: object.metadata, .flyteProjects, ConditionFinding.invalid(types, problem))
                return .done
            }
            let status = facts(of: object, plan).status(now: statuses.now)
            if let wait = statuses.waitForResult(object, status.conditions) { return .requeue(after: wait) }
            try await statuses.publish(status, of: object)
        }
        return .done
    }

    private func facts(of object: FlyteProject, _ plan: PlanInForce) -> ProjectFacts {
        let domains = object.effectiveDomains(plan.spec.domains).map { domain in
            let pair = ProjectDomain(project: object.spec.project, domain: domain)
            let answer = plan.answer(pair) ?? .invalid("not wanted")
            return ProjectFacts.Domain(
                domain: domain, namespace: answer,
                progress: pool.progress(of: answer).waiting(for: flyteAdmin.awaited(plan)),
                sharing: plan.plan.disagreements[pair])
        }
        let older = plan.plan.duplicateProjects[object.metadata.name]
        var seen = ProjectFacts(object: object, duplicateOf: older, domains: domains)
        seen.sourceNotAllowed = inputs.informers.refusal(of: object.spec.valuesFrom)
        seen.unknownDomains = object.unknownDomains(plan.spec.domains)
        seen.lockedValues = object.spec.sets(plan.spec.lockedValues)
        seen.isArchived = plan.archivedProjects.contains(object.spec.project)
        let demand = ProjectDemand(object, plan.spec)
        seen.publication = older == nil ? flyteAdmin.publication(of: object, demand) : nil
        seen.lockedAttributes = demand.locked
        seen.notes = notes(on: object, demand, plan)
        return seen
    }

    /// Remarks on what will not work as written, although nothing has failed here.
    private func notes(on object: FlyteProject, _ demand: ProjectDemand, _ plan: PlanInForce) -> [String] {
        var notes = demand.withoutDomain.map { "attributes.\($0) has no effect: the project has no such domain" }
        let accounts = ProjectClaims.serviceAccounts(object, plan.spec)
        for (domain, account) in accounts.sorted(by: { $0.key < $1.key }) {
            let key = ProjectDomain(project: object.spec.project, domain: domain)
            guard let namespace = plan.answer(key)?.name, plan.has(serviceAccount: account, key, in: namespace) == false
            else { continue }
            notes.append(
                "executions in \(namespace) run as ServiceAccount \(account), which the templates don't make there")
        }
        return notes
    }
}
