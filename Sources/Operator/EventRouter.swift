import ControlLoop
import Fleet

/// The one table: which change wakes which key, and after how long (`Delay`). "Coalesced" means after a delay, so that
/// many changes cause one reconciliation.
///
/// Controllers, agents and watches send each other nothing else: each calls one function of this table.
///
/// | Change | Function | Wakes |
/// |---|---|---|
/// | an object's spec or annotations | `changed` | `plan`, which wakes what it touches |
/// | an object's status | `follow` | the object itself, coalesced |
/// | a DataPlane's status that we wrote | `follow` | its readers: `publishing`, `stagedRollout`, `clusterProfiles`, coalesced |
/// | an object was deleted | `follow` | its key, `plan`, and `tidying` |
/// | the annotation `reconcile-requested-at` | `follow` | `requested`, which wakes the object and everything that it waits for |
/// | `requested` | `lookAtOnce` | the object; for a registry also `plan`; for a registry or a label also `publishing` |
/// | a Secret | `secretChanged` | the DataPlanes that use it; `plan` if templates read it or it is copied; `publishing` |
/// | a ConfigMap | `changed` | `plan` |
/// | the published ConfigMap, a Deployment | `follow` | `publishing` |
/// | a deleted DataPlane that is still published | `follow` | that DataPlane |
/// | a missing kind, or its return; a list that is not believed | `follow` | the registry |
/// | a ClusterProfile | `follow` | `clusterProfiles`, coalesced |
/// | the UID of our Namespace is known | `identityFound` | `plan` |
/// | `plan`: a DataPlane | `planChanged` | that DataPlane; labels and assignments, coalesced; `publishing` |
/// | `plan`: an ExecutionLabel | `planChanged` | that label; assignments, coalesced; `publishing` |
/// | `plan`: a namespace, an assignment, a project | `planChanged` | the objects that report it; flyteadmin's loop |
/// | `plan`: settings or templates | `planChanged` | every DataPlane; all statuses, coalesced |
/// | `plan`, if changes are staged or there are ClusterProfiles | `planChanged` | `stagedRollout`; `clusterProfiles` |
/// | `plan`: what an agent should hold | `agentFollows` | that DataPlane, coalesced |
/// | a DataPlane is reconciled | `dataPlaneIsLookedAt` | `publishing` and `tidying`, coalesced |
/// | a DataPlane's status was written | `dataPlaneReported` | `stagedRollout`, `clusterProfiles`, coalesced |
/// | a data plane became Ready, or ceased to be | `readinessChanged` | the registries, coalesced |
/// | a data plane became available, or ceased to be | `readinessChanged` | all statuses, coalesced |
/// | an assignment became Ready, or ceased to be | `assignmentReadinessChanged` | the registries, coalesced |
/// | two DataPlanes claim one cluster | `claimsChanged`, `approvalsChanged` | these DataPlanes |
/// | an agent's report; a refused or renewed token; a count of executions | `dataPlaneChanged` | that DataPlane |
/// | an agent: a namespace | `namespaceChanged` | that DataPlane and the objects that report the namespace, coalesced |
/// | a result of publishing | `publishingReported` | the registry, coalesced |
/// | the labels that flyteadmin has read | `runningLabelsChanged` | flyteadmin's loop |
/// | the revision that each data plane gets | `stage` | `plan` |
/// | a result of a staged rollout, or its failure | `rolloutReported`, `rolloutFailed` | the registries; every DataPlane, coalesced |
/// | flyteadmin: a row, a project | `rowsChanged`, `projectsChanged` | the objects that report it |
/// | flyteadmin: its projects and attributes | `flyteAdminChanged` | `plan`; all statuses, coalesced |
/// | flyteadmin: the labels that its rows name | `namedLabelsChanged` | `publishing` |
struct EventRouter: Sendable {
    let queue: WorkQueue<Work>
    let plans: PlanUpdater
    let informers: Informers
    /// Knows which statuses we wrote.
    let statuses: StatusWriter
    /// Wakes the loop that talks to flyteadmin.
    var flyteAdmin = Signal()

    // MARK: Inputs and the plan

    /// An input of the plan has changed.
    func changed(_ input: PlanUpdater.Input) {
        plans.changed(input)
        queue.add(.plan)
    }

    func identityFound(_ namespaceUID: String) {
        plans.found(namespaceUID: namespaceUID)
        queue.add(.plan)
    }

    /// Wakes the keys that a change of the plan touches.
    func planChanged(_ diff: PlanDiff, _ plan: PlanInForce) {
        flyteAdmin.advance()
        if stages(plan) { queue.add(.stagedRollout) }
        profilesChanged(plan)
        if diff.isEmpty { return }
        for name in diff.dataPlanes { queue.add(.dataPlane(name)) }
        if diff.isCommon { queue.add(names(informers.dataPlanes).map { .dataPlane($0) }) }
        // Later than the DataPlanes, since after a restart statuses wait until each data plane is connected.
        for name in diff.executionLabels { queue.add(.executionLabel(name), after: Delay.coalescing) }
        for name in diff.assignments { queue.add(.assignment(name), after: Delay.coalescing) }
        for name in diff.projects { queue.add(.project(name), after: Delay.coalescing) }
        if diff.isCommon || !diff.dataPlanes.isEmpty || !diff.executionLabels.isEmpty { return statusesChanged() }
        registriesChanged()
    }

    /// Whether changes are staged, or were staged until now.
    private func stages(_ plan: PlanInForce) -> Bool {
        plan.spec.rollout.type == .progressive || plans.isStaged || plan.registry?.status?.rollout != nil
    }

    private func profilesChanged(_ plan: PlanInForce) {
        guard !plan.spec.clusterProfiles.isEmpty || informers.profiles.mayHaveAny else { return }
        queue.add(.clusterProfiles, after: Delay.coalescingForProfiles)
    }

    /// Wakes every object whose status depends on other objects.
    private func statusesChanged() {
        queue.add(.publishing, after: Delay.coalescing)
        for name in names(informers.executionLabels) { queue.add(.executionLabel(name), after: Delay.coalescing) }
        for name in names(informers.assignments) { queue.add(.assignment(name), after: Delay.coalescing) }
        for name in names(informers.projects) { queue.add(.project(name), after: Delay.coalescing) }
        registriesChanged()
    }

    func registriesChanged(after delay: Duration = Delay.coalescing) {
        for name in names(informers.registries) { queue.add(.registry(name), after: delay) }
    }

    /// A user wants it reconciled now.
    func lookAtOnce(_ work: Work) {
        switch work {
        case .registry: queue.add([.plan, .publishing, work])
        case .executionLabel: queue.add([.publishing, work])
        default: queue.add(work)
        }
    }

    // MARK: Data planes

    /// An agent has a new report, or its token or its executions have changed.
    func dataPlaneChanged(_ name: String) { queue.add(.dataPlane(name)) }

    /// The progress of a namespace in a data plane has changed.
    /// - Parameter isBusy: many more namespaces of that data plane wait.
    func namespaceChanged(_ namespace: String, of dataPlane: String, isBusy: Bool) {
        let delay = isBusy ? Delay.coalescingWhileBusy : Delay.coalescing
        queue.add(.dataPlane(dataPlane), after: delay)
        guard let plan = plans.inForce else { return }
        for key in plan.planner.projectDomains(of: namespace) {
            let (assignments, projects) = plan.planner.dependents(of: key)
            for name in assignments { queue.add(.assignment(name), after: delay) }
            for name in projects { queue.add(.project(name), after: delay) }
        }
        registriesChanged(after: delay)
    }

    /// The agent holds another plan from now on. Its status reports that a little later.
    func agentFollows(_ dataPlane: String) { queue.add(.dataPlane(dataPlane), after: Delay.coalescing) }

    func dataPlaneIsLookedAt() {
        queue.add(.publishing, after: Delay.coalescing)
        queue.add(.tidying, after: Delay.tidying)
    }

    /// The status of a DataPlane is written.
    func dataPlaneReported(_ plan: PlanInForce) {
        if stages(plan) { queue.add(.stagedRollout, after: Delay.coalescing) }
        profilesChanged(plan)
    }

    /// A data plane that is only out of sync affects no label.
    func readinessChanged(_ news: ReportedReadiness.News) {
        switch news {
        case .none: break
        case .readiness: registriesChanged()
        case .availability: statusesChanged()
        }
    }

    func assignmentReadinessChanged() { registriesChanged() }

    /// - Parameter others: the DataPlanes that claim the same cluster, or did until now.
    func claimsChanged(_ others: some Sequence<String>) {
        for name in others { queue.add(.dataPlane(name)) }
    }

    /// - Parameters:
    ///   - names: the DataPlanes whose status must say which of them may write.
    ///   - asking: the one that is being reconciled.
    func approvalsChanged(_ names: [String], by asking: String) {
        for name in names {
            // The refused one itself reports the reason once the plan has the other one, so it need not run again at
            // once.
            queue.add(.dataPlane(name), after: name == asking ? Delay.coalescing : .zero)
        }
    }

    // MARK: flyteadmin and staged rollouts

    func publishingReported() { queue.add(.registry(ClusterRegistry.theName), after: Delay.coalescing) }
    func runningLabelsChanged() { flyteAdmin.advance() }
    /// - Parameter names: of ExecutionClusterLabels.
    func rowsChanged(_ names: [String]) { queue.add(names.map { .assignment($0) }) }
    /// - Parameter names: of FlyteProjects.
    func projectsChanged(_ names: [String]) { queue.add(names.map { .project($0) }) }
    func namedLabelsChanged() { queue.add(.publishing) }
    /// flyteadmin's projects or attributes have changed.
    func flyteAdminChanged() {
        changed(.discovered)
        statusesChanged()
    }

    /// From now on each data plane gets its stage.
    func stage(_ stages: StagesInForce) {
        if plans.stage(stages) { queue.add(.plan) }
    }

    func rolloutFailed() { registriesChanged() }
    func rolloutReported(_ plan: PlanInForce) {
        registriesChanged()
        for name in plan.dataPlanes.keys { queue.add(.dataPlane(name), after: Delay.coalescing) }
    }

    private func names<Value>(_ store: Store<Value>) -> [String] { (store.snapshot ?? [:]).keys.map(\.name) }
}
