import ControlLoop
import DataPlaneAgent
import Fleet
import Kube
import KubeObjects
import Support

/// Gives the registry its status, which counts everything else.
final class RegistryController: Sendable {
    private let inputs: Inputs
    private let pool: AgentPool
    private let reports: Reports
    private let statuses: Statuses
    /// The last doubt about a list that was told without a registry.
    private let lastDoubt = Locked<String?>(nil)

    init(inputs: Inputs, pool: AgentPool, reports: Reports, statuses: Statuses) {
        self.inputs = inputs
        self.pool = pool
        self.reports = reports
        self.statuses = statuses
    }

    func reconcile(_ name: String) async throws(KubeError) -> Controller<Work>.Outcome {
        guard let plan = inputs.plan else { return .done }
        switch inputs.informers.registries[inputs.informers.key(name)] {
        case nil:
            if name == ClusterRegistry.theName { tellOfDoubtWithoutRegistry() }
        case .malformed(let metadata, let failure)?:
            try await statuses.report(
                malformed: metadata, .clusterRegistries,
                ConditionFinding.invalid([.templatesValid, .published, .rolledOut, .ready], SpecProblem(failure)))
        case .valid(let stored)?:
            guard let object = statuses.current(stored, plan) else { return .done }
            if let wait = wait(object, plan) { return .requeue(after: wait) }
            try await statuses.publish(facts(plan).status(of: object, now: statuses.now), of: object)
        }
        return .done
    }

    /// Nil: its status is written now.
    private func wait(_ object: ClusterRegistry, _ plan: PlanInForce) -> Duration? {
        // A status that says that something is unknown was not settled, so nothing is lost by replacing it.
        let isSettled =
            object.status?.conditions.contains { $0.status == .unknown && $0.reason != Reason.observing } == false
        if isSettled, let wait = statuses.waitForFleet(object, plan) { return wait }
        guard object.metadata.name == ClusterRegistry.theName else { return nil }
        let result = reports.publishing.result
        let hasSeenAll =
            result != nil
            && statuses.readiness.hasSeen(dataPlanes: plan.dataPlanes.keys, assignments: plan.assignments.keys)
        if let wait = statuses.waitForAll(object, hasSeenAll: hasSeenAll) { return wait }
        guard let result, object.spec.problems().isEmpty else { return nil }
        return statuses.waitForPublishing(object, published: result.generation)
    }

    /// Publishes an event, since there is no object whose condition could say it.
    private func tellOfDoubtWithoutRegistry() {
        let doubt = inputs.informers.doubts.summary
        let isNews = lastDoubt.withLock { last in
            defer { last = doubt }
            return last != doubt
        }
        guard isNews else { return }
        let news = StatusNews(
            isWarning: doubt != nil, reason: doubt == nil ? Reason.ready : Reason.syncFailed,
            note: doubt ?? "the control plane's lists are believed again")
        let registry = ObjectMeta(name: ClusterRegistry.theName, namespace: inputs.informers.namespace)
        statuses.tell(registry, .clusterRegistries, news, action: "List")
    }

    private func facts(_ plan: PlanInForce) -> RegistryFacts {
        var seen = RegistryFacts()
        if plan.identity == nil {
            seen.identityProblem =
                "nothing is written anywhere: the UID of Namespace \(inputs.informers.namespace), which marks our namespaces, can't be read "
                + "(get on namespaces/\(inputs.informers.namespace)), and spec.identity.id is empty"
        }
        seen.templates = plan.templates.state
        seen.values = plan.imported.state
        if let problem = plan.registry?.spec.valueProblems().first {
            seen.values = .invalid("\(problem); the last good values stay in force, where there are any")
        }
        let dataPlanes = plan.dataPlanes.keys.sorted()
        let readyPlanes = dataPlanes.filter { statuses.readiness.isReady(dataPlane: $0) }
        seen.dataPlanes = .init(total: dataPlanes.count, ready: readyPlanes.count)
        seen.notReadyDataPlanes = dataPlanes.filter { name in
            !statuses.readiness.isReady(dataPlane: name) && plan.dataPlanes[name]?.spec.enabled == true
        }
        let resolved = statuses.readiness.resolvedLabels(plan).byName
        // A label that can't be read counts as it was for draws, but it is not Ready.
        let labels = (inputs.informers.executionLabels.snapshot ?? [:]).values
        let unreadable = labels.filter { $0.object == nil }.map(\.metadata.name)
        let known = Set(resolved.keys).union(unreadable)
        let notReady = known.filter { unreadable.contains($0) || resolved[$0]?.ready.status != .isTrue }.sorted()
        seen.executionLabels = .init(total: known.count, ready: known.count - notReady.count)
        let assignments = plan.assignments.keys.sorted()
        let readyAssignments = assignments.filter { statuses.readiness.isReady(assignment: $0) }
        seen.executionClusterLabels = .init(total: assignments.count, ready: readyAssignments.count)
        seen.notReadyLabels = notReady + assignments.filter { !statuses.readiness.isReady(assignment: $0) }
        seen.namespaces = pool.namespaces
        if !plan.spec.replicateSecrets.isEmpty {
            seen.replicatedSecrets = pool.copies
            seen.replicationProblem = plan.snapshot.replicated.problems.first.map { "spec.replicateSecrets: \($0)" }
        }
        seen.archivedProjects = plan.archivedProjects
        seen.doubtfulList = inputs.informers.doubts.summary
        if plan.spec.rollout.type == .progressive {
            let rollout = reports.rollout.report
            // The status repeats the former progress until the new one is known.
            seen.stagedRollout = rollout.status ?? plan.registry?.status?.rollout
            seen.rolloutProblem = rollout.problem
        }
        seen.missingKinds = inputs.informers.missingKinds.summary
        seen.sourceNotAllowed =
            inputs.informers.refusal(of: plan.spec.valuesFrom) ?? inputs.informers.refusal(of: plan.spec.flyteAdmin)
            ?? plan.snapshot.replicated.refusals.first.map { "spec.replicateSecrets: \($0)" }
        let publish = plan.registry?.spec.publish
        let publishes = publish?.clustersConfigMap != nil
        let result = reports.publishing.result.flatMap {
            $0.generation == plan.registry?.metadata.generation ? $0 : nil
        }
        seen.publishing = result?.publishing ?? (publishes ? .pending : .notConfigured)
        seen.rollout = result?.rollout ?? (publishes && publish?.restart.isEmpty == false ? .pending : .notConfigured)
        return seen
    }
}
