import ControlLoop
import Fleet
import Kube
import KubeObjects

extension Reconcilers {
    func reconcileAssignment(_ name: String) async throws(KubeError) -> Controller<Work>.Outcome {
        guard let plan else { return .done }
        let isReady: Bool
        switch caches.assignments[key(name)] {
        case nil:
            _ = board.set(assignment: name, nil)
            return .done
        case .malformed(let metadata, let failure)?:
            isReady = false
            try await report(
                malformed: metadata, .executionClusterLabels,
                ConditionVerdict.invalid(ConditionType.ofAssignment(nil), SpecProblem(failure)))
        case .valid(let stored)?:
            guard let object = upToDate(stored, plan) else { return .done }
            if isTooEarly(object) { return .requeue(after: Self.gathering) }
            if let problem = object.spec.problems().first ?? plan.problem {
                isReady = false
                let types = ConditionType.ofAssignment(object.spec)
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
        let answer = object.spec.projectDomain.map { pair -> NamespaceAnswer in
            guard plan.spec.domains.contains(pair.domain) else {
                return .unknown(domains: [pair.domain], of: plan.spec.domains)
            }
            return plan.answer(pair) ?? .invalid("the project-domain has no namespace")
        }
        let labels = verdictsByLabel(plan)
        var seen = AssignmentObservation(
            object: object, duplicateOf: plan.plan.duplicateAssignments[object.metadata.name],
            label: labels[object.spec.value], namespace: answer,
            progress: (answer.map { pool.progress(of: $0) } ?? .zero).waiting(for: plan.awaited),
            publication: publications?.publication(of: object) ?? .notConfigured,
            sharing: object.spec.projectDomain.flatMap { plan.plan.disagreements[$0] })
        seen.isArchived = plan.archivedProjects.contains(object.spec.project)
        return seen
    }
}
