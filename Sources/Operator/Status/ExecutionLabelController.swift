import ControlLoop
import Fleet
import Kube
import KubeObjects

/// Gives an ExecutionLabel its status.
struct ExecutionLabelController: Sendable {
    let inputs: Inputs
    let statuses: Statuses

    func reconcile(_ name: String) async throws(KubeError) -> Controller<Work>.Outcome {
        guard let plan = inputs.plan, let decoded = inputs.informers.executionLabels[inputs.informers.key(name)] else {
            return .done
        }
        switch decoded {
        case .malformed(let metadata, let failure):
            try await statuses.report(
                malformed: metadata, .executionLabels, ConditionFinding.invalid([.ready], SpecProblem(failure)))
        case .valid(let stored):
            guard let object = statuses.current(stored, plan) else { return .done }
            if let wait = statuses.waitForFleet(object, plan) { return .requeue(after: wait) }
            guard let resolved = statuses.readiness.resolvedLabels(plan).byName[name] else { return .done }
            try await statuses.publish(resolved.status(of: object, now: statuses.now), of: object)
        }
        return .done
    }
}
