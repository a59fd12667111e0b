import ControlLoop
import Fleet
import Kube
import KubeObjects

extension Reconcilers {
    /// By `clusterName`: what labels need to know of the data planes.
    func clusterStates(_ picture: FleetPicture) -> [String: ClusterState] {
        var states: [String: ClusterState] = [:]
        for (name, object) in picture.dataPlanes.sorted(by: {
            Seniority($0.value.metadata) < Seniority($1.value.metadata)
        })
        where states[object.clusterName] == nil {
            states[object.clusterName] = object.spec.enabled ? board[dataPlane: name] ?? .undetermined : .disabled
        }
        return states
    }

    func labelVerdicts(_ picture: FleetPicture) -> [String: LabelVerdict] {
        LabelVerdicts.all(Array(picture.labels.values), clusters: clusterStates(picture))
    }

    func reconcileExecutionLabel(_ name: String) async throws(KubeError) -> Controller<Work>.Outcome {
        guard let picture, let decoded = caches.executionLabels[key(name)] else { return .done }
        switch decoded {
        case .malformed(let metadata, let failure):
            try await report(
                malformed: metadata, .executionLabels, ConditionVerdict.invalid([.ready], SpecProblem(failure)))
        case .valid(let object):
            if isTooEarly(generation: object.metadata.generation, observed: object.status?.observedGeneration) {
                return .requeue(after: Self.gathering)
            }
            guard let verdict = labelVerdicts(picture)[name] else { return .done }
            let status = verdict.status(of: object, now: wallClock.now)
            announce(status.conditions, before: object.status?.conditions, of: object.metadata, .executionLabels)
            try await writer.write(status, of: object)
        }
        return .done
    }
}
