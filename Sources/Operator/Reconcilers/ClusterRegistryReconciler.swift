import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

extension Reconcilers {
    func reconcileRegistry(_ name: String) async throws(KubeError) -> Controller<Work>.Outcome {
        guard let picture else { return .done }
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
            guard let object = upToDate(stored, picture) else { return .done }
            // What said that it didn't know is no settled status of an earlier run.
            let isSettled = object.status?.conditions.contains { $0.status == .unknown } == false
            if isSettled, isTooEarly(object) { return .requeue(after: Self.gathering) }
            // A restart must not make it look as if nothing were published, nor as if nothing were Ready.
            let hasSeen =
                publishingBoard.result != nil
                && board.hasSeen(dataPlanes: picture.dataPlanes.keys, assignments: picture.assignments.keys)
            if !hasSeen, object.status != nil, name == ClusterRegistry.theName, wallClock.now - started < 15 {
                return .requeue(after: Self.gathering)
            }
            if waitsForPublishing(object) { return .requeue(after: Self.gathering) }
            try await publish(observation(picture).status(of: object, now: wallClock.now), of: object)
        }
        return .done
    }

    /// Where there is no object whose condition could say it.
    private func tellOfDoubtWithoutRegistry() {
        let doubt = caches.doubts.summary
        guard announced(doubt) else { return }
        events.publish(
            regarding: ObjectMeta(name: ClusterRegistry.theName, namespace: namespace), type: .clusterRegistries,
            isWarning: doubt != nil, reason: doubt == nil ? Reason.ready : Reason.syncFailed, action: "List",
            note: doubt ?? "the control plane's lists are believed again")
    }

    private func observation(_ picture: FleetPicture) -> RegistryObservation {
        var seen = RegistryObservation()
        seen.templates = picture.templates.state
        let dataPlanes = picture.dataPlanes.keys.sorted()
        let readyPlanes = dataPlanes.filter { board[dataPlane: $0] == .ready }
        seen.dataPlanes = .init(total: dataPlanes.count, ready: readyPlanes.count)
        seen.notReadyDataPlanes = dataPlanes.filter { name in
            board[dataPlane: name] != .ready && picture.dataPlanes[name]?.spec.enabled == true
        }
        let verdicts = labelVerdicts(picture)
        let notReady = verdicts.filter { $0.value.ready.status != .isTrue }.keys.sorted()
        seen.executionLabels = .init(total: verdicts.count, ready: verdicts.count - notReady.count)
        let assignments = picture.assignments.keys.sorted()
        let readyAssignments = assignments.filter { board.isReady(assignment: $0) }
        seen.executionClusterLabels = .init(total: assignments.count, ready: readyAssignments.count)
        seen.notReadyLabels = notReady + assignments.filter { !board.isReady(assignment: $0) }
        seen.namespaces = pool.all.reduce(.zero) { $0 + $1.progress.counts }
        seen.archivedProjects = picture.archivedProjects
        seen.doubtfulList = caches.doubts.summary
        seen.sourceNotAllowed =
            caches.refusal(of: picture.spec.valuesFrom) ?? caches.refusal(of: picture.spec.flyteAdmin)
        let publishes = picture.registry?.spec.publish?.clustersConfigMap != nil
        let result = publishingBoard.result.flatMap {
            $0.generation == picture.registry?.metadata.generation ? $0 : nil
        }
        seen.publishing = result?.publishing ?? (publishes ? .pending : .notConfigured)
        seen.rollout = result?.rollout ?? .notConfigured
        return seen
    }
}
