import ControlLoop
import Fleet
import Kube
import KubeObjects

extension Reconcilers {
    func reconcileAssignment(_ name: String) async throws(KubeError) -> Controller<Work>.Outcome {
        guard let picture else { return .done }
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
            guard let object = upToDate(stored, picture) else { return .done }
            if isTooEarly(object) { return .requeue(after: Self.gathering) }
            if let problem = object.spec.problems().first ?? picture.problem {
                isReady = false
                try await report(
                    malformed: object.metadata, .executionClusterLabels, ConditionVerdict.invalid(types, problem))
            } else {
                let status = observation(of: object, picture).status(now: wallClock.now)
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

    private func observation(of object: ExecutionClusterLabel, _ picture: FleetPicture) -> AssignmentObservation {
        let pair = ProjectDomain(project: object.spec.project, domain: object.spec.domain)
        let answer = picture.projectDomains.entries[pair]?.answer ?? .invalid("the project-domain has no namespace")
        let labels = verdictsByLabel(picture)
        var seen = AssignmentObservation(
            object: object, duplicateOf: picture.duplicateAssignments[object.metadata.name],
            label: labels[object.spec.value], namespace: answer,
            progress: pool.progress(of: answer),
            publication: publications?.publication(of: object) ?? .notConfigured, sharing: picture.sharing[pair])
        seen.isArchived = picture.archivedProjects.contains(pair.project)
        return seen
    }
}
