import ControlLoop
import Fleet
import Kube
import KubeObjects

extension Reconcilers {
    func reconcileAssignment(_ name: String) async throws(KubeError) -> Controller<Work>.Outcome {
        guard let plan else { return .done }
        let types: [ConditionType] = [.labelResolved, .namespaceSynced, .published, .ready]
        let isReady: Bool
        switch caches.assignments[key(name)] {
        case nil:
            _ = board.set(assignment: name, nil)
            return .done
        case .malformed(let metadata, let failure)?:
            isReady = false
            try await report(
                malformed: metadata, .executionClusterLabels, ConditionVerdict.invalid(types, SpecProblem(failure)))
        case .valid(let stored)?:
            guard let object = upToDate(stored, plan) else { return .done }
            if isTooEarly(object) { return .requeue(after: Self.gathering) }
            if let problem = object.spec.problems().first ?? plan.problem {
                isReady = false
                try await report(
                    malformed: object.metadata, .executionClusterLabels, ConditionVerdict.invalid(types, problem))
            } else {
                let status = observation(of: object, plan).status(now: wallClock.now)
                if canWait(object.metadata, hasStatus: object.status != nil, status.conditions) {
                    return .requeue(after: .milliseconds(500))
                }
                isReady = status.conditions.isTrue(.ready)
                try await publish(status, of: object)
            }
        }
        if board.set(assignment: name, isReady) { queueRegistries(after: Self.gathering) }
        return .done
    }

    private func observation(of object: ExecutionClusterLabel, _ plan: PlanInForce) -> AssignmentObservation {
        let pair = ProjectDomain(project: object.spec.project, domain: object.spec.domain)
        var answer = plan.answer(pair) ?? .invalid("the project-domain has no namespace")
        if !plan.spec.domains.contains(pair.domain) {
            answer = .unknown(domains: [pair.domain], of: plan.spec.domains)
        }
        let labels = verdictsByLabel(plan)
        var seen = AssignmentObservation(
            object: object, duplicateOf: plan.plan.duplicateAssignments[object.metadata.name],
            label: labels[object.spec.value], namespace: answer,
            progress: pool.progress(of: answer),
            publication: publications?.publication(of: object) ?? .notConfigured, sharing: plan.plan.disagreements[pair]
        )
        seen.isArchived = plan.archivedProjects.contains(pair.project)
        return seen
    }
}
