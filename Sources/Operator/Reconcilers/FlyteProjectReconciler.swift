import ControlLoop
import Fleet
import Kube
import KubeObjects

extension Reconcilers {
    func reconcileProject(_ name: String) async throws(KubeError) -> Controller<Work>.Outcome {
        guard let plan, let decoded = caches.projects[key(name)] else { return .done }
        switch decoded {
        case .malformed(let metadata, let failure):
            let types = ConditionType.ofProject(nil)
            try await report(malformed: metadata, .flyteProjects, ConditionVerdict.invalid(types, SpecProblem(failure)))
        case .valid(let stored):
            guard let object = upToDate(stored, plan) else { return .done }
            if isTooEarly(object) { return .requeue(after: Self.gathering) }
            if let problem = object.spec.problems().first ?? plan.problem {
                let types = ConditionType.ofProject(object.spec)
                try await report(malformed: object.metadata, .flyteProjects, ConditionVerdict.invalid(types, problem))
                return .done
            }
            let domains = object.effectiveDomains(plan.spec.domains).map { domain in
                let pair = ProjectDomain(project: object.spec.project, domain: domain)
                let answer = plan.answer(pair) ?? .invalid("not wanted")
                return ProjectObservation.Domain(
                    domain: domain, namespace: answer,
                    progress: pool.progress(of: answer).waiting(for: plan.awaited),
                    sharing: plan.plan.disagreements[pair])
            }
            var observation = ProjectObservation(
                object: object, duplicateOf: plan.plan.duplicateProjects[name], domains: domains)
            observation.sourceNotAllowed = caches.refusal(of: object.spec.valuesFrom)
            observation.unknownDomains = object.unknownDomains(plan.spec.domains)
            observation.lockedValues = object.spec.sets(plan.spec.lockedValues)
            observation.isArchived = plan.archivedProjects.contains(object.spec.project)
            let demand = ProjectDemand(object, plan.spec)
            observation.publication =
                plan.plan.duplicateProjects[name] == nil
                ? publications?.publication(of: object, demand) : nil
            observation.lockedAttributes = demand.locked
            observation.notes = notes(on: object, demand, plan)
            let status = observation.status(now: wallClock.now)
            if canWait(object.metadata, hasStatus: object.status != nil, status.conditions) {
                return .requeue(after: .milliseconds(500))
            }
            try await publish(status, of: object)
        }
        return .done
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
