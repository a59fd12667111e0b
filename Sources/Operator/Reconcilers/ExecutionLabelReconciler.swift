import ControlLoop
import Fleet
import Kube
import KubeObjects

extension Reconcilers {
    /// By `clusterName`: what labels need to know of the data planes.
    func clusterStates(_ picture: FleetPicture) -> [String: ClusterState] {
        Seniority.oldest(picture.dataPlanes.values, by: \.clusterName).mapValues { object in
            object.spec.enabled ? board[dataPlane: object.metadata.name] ?? .undetermined : .disabled
        }
    }

    func labelVerdicts(_ picture: FleetPicture) -> [String: LabelVerdict] { allVerdicts(picture).byName }
    func verdictsByLabel(_ picture: FleetPicture) -> [String: LabelVerdict] { allVerdicts(picture).byLabel }

    private func allVerdicts(_ picture: FleetPicture) -> LabelVerdictCache.Verdicts {
        // Read before the states are: what changes meanwhile is looked at anew next time.
        let version = LabelVerdictCache.Version(picture: picture.revision, board: board.revision)
        return verdicts.verdicts(version) {
            LabelVerdicts.all(Array(picture.labels.values), clusters: clusterStates(picture))
        }
    }

    func reconcileExecutionLabel(_ name: String) async throws(KubeError) -> Controller<Work>.Outcome {
        guard let picture, let decoded = caches.executionLabels[key(name)] else { return .done }
        switch decoded {
        case .malformed(let metadata, let failure):
            try await report(
                malformed: metadata, .executionLabels, ConditionVerdict.invalid([.ready], SpecProblem(failure)))
        case .valid(let stored):
            guard let object = upToDate(stored, picture) else { return .done }
            if isTooEarly(object) { return .requeue(after: Self.gathering) }
            guard let verdict = labelVerdicts(picture)[name] else { return .done }
            try await publish(verdict.status(of: object, now: wallClock.now), of: object)
        }
        return .done
    }
}
