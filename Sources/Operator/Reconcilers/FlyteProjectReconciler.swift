import ControlLoop
import Fleet
import Kube
import KubeObjects

extension Reconcilers {
    func reconcileProject(_ name: String) async throws(KubeError) -> Controller<Work>.Outcome {
        guard let plan, let decoded = caches.projects[key(name)] else { return .done }
        let types: [ConditionType] = [.namespaceSynced, .ready]
        switch decoded {
        case .malformed(let metadata, let failure):
            try await report(malformed: metadata, .flyteProjects, ConditionVerdict.invalid(types, SpecProblem(failure)))
        case .valid(let stored):
            guard let object = upToDate(stored, plan) else { return .done }
            if isTooEarly(object) { return .requeue(after: Self.gathering) }
            if let problem = object.spec.problems().first ?? plan.problem {
                try await report(malformed: object.metadata, .flyteProjects, ConditionVerdict.invalid(types, problem))
                return .done
            }
            let domains = object.effectiveDomains(plan.spec.domains).map { domain in
                let pair = ProjectDomain(project: object.spec.project, domain: domain)
                let answer = plan.answer(pair) ?? .invalid("not wanted")
                return ProjectObservation.Domain(
                    domain: domain, namespace: answer,
                    progress: pool.progress(of: answer), sharing: plan.plan.disagreements[pair])
            }
            var observation = ProjectObservation(
                object: object, duplicateOf: plan.plan.duplicateProjects[name], domains: domains)
            observation.sourceNotAllowed = caches.refusal(of: object.spec.valuesFrom)
            observation.unknownDomains = object.unknownDomains(plan.spec.domains)
            observation.lockedValues = object.spec.sets(plan.spec.lockedValues)
            observation.isArchived = plan.archivedProjects.contains(object.spec.project)
            let status = observation.status(now: wallClock.now)
            if canWait(object.metadata, hasStatus: object.status != nil, status.conditions) {
                return .requeue(after: .milliseconds(500))
            }
            try await publish(status, of: object)
        }
        return .done
    }
}
