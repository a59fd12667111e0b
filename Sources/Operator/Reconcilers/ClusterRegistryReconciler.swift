import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

extension Reconcilers {
    func reconcileRegistry(_ name: String) async throws(KubeError) -> Controller<Work>.Outcome {
        guard let plan else { return .done }
        guard let decoded = caches.registries[key(name)] else {
            if name == ClusterRegistry.theName { tellOfDoubtWithoutRegistry() }
            return .done
        }
        switch decoded {
        case .malformed(let metadata, let failure):
            try await report(
                malformed: metadata, .clusterRegistries,
                ConditionVerdict.invalid([.templatesValid, .published, .rolledOut, .ready], SpecProblem(failure)))
        case .valid(let stored):
            guard let object = upToDate(stored, plan) else { return .done }
            // A status that said Unknown is not a settled one of an earlier run.
            let isSettled =
                object.status?.conditions.contains { $0.status == .unknown && $0.reason != Reason.observing }
                == false
            if isSettled, isTooEarly(object) { return .requeue(after: Self.gathering) }
            // A restart must not look as if nothing were published or Ready.
            let hasSeen =
                publishingBoard.result != nil
                && board.hasSeen(dataPlanes: plan.dataPlanes.keys, assignments: plan.assignments.keys)
            if !hasSeen, object.status != nil, name == ClusterRegistry.theName, timeline.now - started < .seconds(15) {
                return .requeue(after: Self.gathering)
            }
            if waitsForPublishing(object) { return .requeue(after: Self.gathering) }
            try await publish(observation(plan).status(of: object, now: wallClock.now), of: object)
        }
        return .done
    }

    /// Publishes an event, since there is no object whose condition could say it.
    private func tellOfDoubtWithoutRegistry() {
        let doubt = caches.doubts.summary
        guard announced(doubt) else { return }
        events.publish(
            regarding: ObjectMeta(name: ClusterRegistry.theName, namespace: namespace), type: .clusterRegistries,
            isWarning: doubt != nil, reason: doubt == nil ? Reason.ready : Reason.syncFailed, action: "List",
            note: doubt ?? "the control plane's lists are believed again")
    }

    private func observation(_ plan: PlanInForce) -> RegistryObservation {
        var seen = RegistryObservation()
        if plan.identity == nil {
            seen.identityProblem =
                "nothing is written anywhere: the UID of Namespace \(namespace), which marks our namespaces, can't be read "
                + "(get on namespaces/\(namespace)), and spec.identity.id is empty"
        }
        seen.templates = plan.templates.state
        seen.values = plan.imported.state
        if let problem = plan.registry?.spec.valueProblems().first {
            seen.values = .invalid("\(problem); the last good values stay in force, where there are any")
        }
        let dataPlanes = plan.dataPlanes.keys.sorted()
        let readyPlanes = dataPlanes.filter { board.isReady(dataPlane: $0) }
        seen.dataPlanes = .init(total: dataPlanes.count, ready: readyPlanes.count)
        seen.notReadyDataPlanes = dataPlanes.filter { name in
            !board.isReady(dataPlane: name) && plan.dataPlanes[name]?.spec.enabled == true
        }
        let verdicts = labelVerdicts(plan)
        // A label that can't be read counts as it was for draws, but it is not Ready.
        let labels = (caches.executionLabels.snapshot ?? [:]).values
        let unreadable = labels.filter { $0.object == nil }.map(\.metadata.name)
        let known = Set(verdicts.keys).union(unreadable)
        let notReady = known.filter { unreadable.contains($0) || verdicts[$0]?.ready.status != .isTrue }.sorted()
        seen.executionLabels = .init(total: known.count, ready: known.count - notReady.count)
        let assignments = plan.assignments.keys.sorted()
        let readyAssignments = assignments.filter { board.isReady(assignment: $0) }
        seen.executionClusterLabels = .init(total: assignments.count, ready: readyAssignments.count)
        seen.notReadyLabels = notReady + assignments.filter { !board.isReady(assignment: $0) }
        // Data planes in Observe are not meant to be in sync.
        seen.namespaces = pool.all.filter { !$0.currentPlan.isObserving }.reduce(.zero) { $0 + $1.progress.counts }
        if !plan.spec.replicateSecrets.isEmpty {
            seen.replicatedSecrets = pool.all.map(\.copies).reduce(.init(desired: 0, synced: 0), +)
            seen.replicationProblem = plan.snapshot.replicated.problems.first.map { "spec.replicateSecrets: \($0)" }
        }
        seen.archivedProjects = plan.archivedProjects
        seen.doubtfulList = caches.doubts.summary
        if plan.spec.rollout.type == .progressive {
            // The status repeats the former progress until the new one is known.
            seen.stagedRollout = stagedRollout.report.status ?? plan.registry?.status?.rollout
            seen.rolloutProblem = stagedRollout.report.problem
        }
        seen.missingKinds = caches.missingKinds.summary
        seen.sourceNotAllowed =
            caches.refusal(of: plan.spec.valuesFrom) ?? caches.refusal(of: plan.spec.flyteAdmin)
            ?? plan.snapshot.replicated.refusals.first.map { "spec.replicateSecrets: \($0)" }
        let publishes = plan.registry?.spec.publish?.clustersConfigMap != nil
        let result = publishingBoard.result.flatMap {
            $0.generation == plan.registry?.metadata.generation ? $0 : nil
        }
        seen.publishing = result?.publishing ?? (publishes ? .pending : .notConfigured)
        seen.rollout = result?.rollout ?? .notConfigured
        return seen
    }
}
