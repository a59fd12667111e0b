import ControlLoop
import DataPlaneAgent
import Fleet
import Kube
import KubeObjects

/// Gives an ExecutionClusterLabel its status.
struct AssignmentController: Sendable {
    let inputs: Inputs
    let pool: AgentPool
    let flyteAdmin: FlyteAdminReports
    let statuses: Statuses
    let router: EventRouter

    func reconcile(_ name: String) async throws(KubeError) -> Controller<Work>.Outcome {
        guard let plan = inputs.plan else { return .done }
        let isReady: Bool
        switch inputs.informers.assignments[inputs.informers.key(name)] {
        case nil:
            _ = statuses.readiness.set(assignment: name, nil)
            return .done
        case .malformed(let metadata, let failure)?:
            isReady = false
            try await statuses.report(
                malformed: metadata, .executionClusterLabels,
                ConditionFinding.invalid(ConditionType.ofAssignment(nil), SpecProblem(failure)))
        case .valid(let stored)?:
            guard let object = statuses.current(stored, plan) else { return .done }
            if let wait = statuses.waitForFleet(object, plan) { return .requeue(after: wait) }
            if let problem = object.spec.problems().first ?? plan.problem {
                isReady = false
                let types = ConditionType.ofAssignment(object.spec)
                try await statuses.report(
                    malformed: object.metadata, .executionClusterLabels, ConditionFinding.invalid(types, problem))
            } else {
                let status = facts(of: object, plan).status(now: statuses.now)
                if let wait = statuses.waitForResult(object, status.conditions) { return .requeue(after: wait) }
                isReady = status.conditions.isTrue(.ready)
                try await statuses.publish(status, of: object)
            }
        }
        if statuses.readiness.set(assignment: name, isReady) { router.assignmentReadinessChanged() }
        return .done
    }

    private func facts(of object: ExecutionClusterLabel, _ plan: PlanInForce) -> AssignmentFacts {
        let answer = object.spec.projectDomain.map { pair -> NamespaceAnswer in
            guard plan.spec.domains.contains(pair.domain) else {
                return .unknown(domains: [pair.domain], of: plan.spec.domains)
            }
            return plan.answer(pair) ?? .invalid("the project-domain has no namespace")
        }
        var seen = AssignmentFacts(
            object: object, duplicateOf: plan.plan.duplicateAssignments[object.metadata.name],
            label: statuses.readiness.resolvedLabels(plan).byLabel[object.spec.value], namespace: answer,
            progress: (answer.map { pool.progress(of: $0) } ?? .zero).waiting(for: flyteAdmin.awaited(plan)),
            publication: flyteAdmin.publication(of: object),
            sharing: object.spec.projectDomain.flatMap { plan.plan.disagreements[$0] })
        seen.isArchived = plan.archivedProjects.contains(object.spec.project)
        return seen
    }
}
