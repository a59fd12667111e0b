import ControlLoop
import Fleet
import Kube
import KubeObjects

extension Reconcilers {
    /// The states of the data planes that labels need, by `clusterName`.
    func clusterStates(_ plan: PlanInForce) -> [String: ClusterState] {
        Seniority.oldest(plan.dataPlanes.values, by: \.clusterName).mapValues { object in
            // The spec counts at once, while the board may be a moment old.
            if !object.spec.enabled { return .disabled }
            if object.spec.unschedulable { return .unschedulable }
            let state = board[dataPlane: object.metadata.name]?.cluster ?? .undetermined
            return state == .disabled ? .undetermined : state
        }
    }

    func labelVerdicts(_ plan: PlanInForce) -> [String: LabelVerdict] { allVerdicts(plan).byName }
    func verdictsByLabel(_ plan: PlanInForce) -> [String: LabelVerdict] { allVerdicts(plan).byLabel }

    private func allVerdicts(_ plan: PlanInForce) -> LabelVerdictCache.Verdicts {
        // The version is read before the states, so that a change in between leads to a new computation next time.
        let version = LabelVerdictCache.Version(plan: plan.revision, board: board.revision)
        return verdicts.verdicts(version) {
            LabelVerdicts.all(Array(plan.labels.values), clusters: clusterStates(plan))
        }
    }

    func reconcileExecutionLabel(_ name: String) async throws(KubeError) -> Controller<Work>.Outcome {
        guard let plan, let decoded = caches.executionLabels[key(name)] else { return .done }
        switch decoded {
        case .malformed(let metadata, let failure):
            try await report(
                malformed: metadata, .executionLabels, ConditionVerdict.invalid([.ready], SpecProblem(failure)))
        case .valid(let stored):
            guard let object = upToDate(stored, plan) else { return .done }
            if isTooEarly(object) { return .requeue(after: Self.gathering) }
            guard let verdict = labelVerdicts(plan)[name] else { return .done }
            try await publish(verdict.status(of: object, now: wallClock.now), of: object)
        }
        return .done
    }
}
