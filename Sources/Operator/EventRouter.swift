import ControlLoop
import Fleet
import KubeObjects

/// The keys of the control plane's queue.
enum Work: Sendable, Hashable {
    /// Update the plan from what changed, and wake the keys that it touches.
    case plan
    case dataPlane(String)
    case executionLabel(String)
    case assignment(String)
    case project(String)
    case registry(String)
    /// What is published for flyteadmin.
    case publishing
    /// Which data planes get a change of templates or values next.
    case stagedRollout
    /// The ClusterProfiles, from which other controllers read about our data planes.
    case clusterProfiles
    /// Give back the memory that a burst took.
    case tidying
}

/// The one table: which change wakes which key, and after how long.
///
/// | Change | Wakes |
/// |---|---|
/// | an object's spec or annotations | `plan`, which wakes what it touches |
/// | an object's status | the object itself, gathered |
/// | the annotation `reconcile-requested-at` | the object itself and what it waits for, whatever their backoff |
/// | `plan`: a DataPlane | that DataPlane; labels and assignments, gathered; `publishing` |
/// | `plan`: an ExecutionLabel | that label; assignments, gathered; `publishing` |
/// | `plan`: a namespace, an assignment, a project | the objects that tell of it |
/// | `plan`: settings or templates | every DataPlane; all statuses, gathered |
/// | a Secret | the DataPlanes that use it; `plan` where templates read it, or it is copied; `publishing` |
/// | a ConfigMap | `plan` |
/// | what is published, a Deployment | `publishing` |
/// | `plan`, and a data plane's status, where changes are staged | `stagedRollout`, which wakes `plan` |
/// | `plan`, and a data plane's status, where there are ClusterProfiles; one of those | `clusterProfiles`, gathered |
/// | a DataPlane that is gone, while it still counts | that DataPlane |
/// | a kind that is missing, or back | the registry |
/// | a data plane's agent: its facts | that DataPlane |
/// | a data plane's agent: a namespace | that DataPlane and the objects that tell of the namespace, gathered |
///
/// Gathered: a cold sync is a few writes to each object, not one for each namespace.
struct EventRouter: Sendable {
    let queue: WorkQueue<Work>
    let plans: PlanKeeper
    let caches: Caches

    static let gathering = Duration.milliseconds(200)
    /// Syncing comes before statuses.
    static let gatheringWhileBusy = Duration.seconds(1)

    /// An input of the plan has changed.
    func changed(_ input: PlanKeeper.Input) {
        plans.changed(input)
        queue.add(.plan)
    }

    /// From now on each data plane is brought to its stage.
    func stage(_ stages: StagesInForce) {
        if plans.stage(stages) { queue.add(.plan) }
    }

    /// Wakes the keys that a change of the plan touches.
    func planChanged(_ diff: PlanDiff) {
        if diff.isEmpty { return }
        for name in diff.dataPlanes { queue.add(.dataPlane(name)) }
        if diff.isCommon { queue.add(names(caches.dataPlanes).map { .dataPlane($0) }) }
        // Later than the DataPlanes, since after a restart statuses wait until each data plane is connected.
        for name in diff.executionLabels { queue.add(.executionLabel(name), after: Self.gathering) }
        for name in diff.assignments { queue.add(.assignment(name), after: Self.gathering) }
        for name in diff.projects { queue.add(.project(name), after: Self.gathering) }
        if diff.isCommon || !diff.dataPlanes.isEmpty || !diff.executionLabels.isEmpty { return statusesChanged() }
        registriesChanged(after: Self.gathering)
    }

    /// Wakes, gathered, every object whose status depends on other objects.
    func statusesChanged() {
        queue.add(.publishing, after: Self.gathering)
        for name in names(caches.executionLabels) { queue.add(.executionLabel(name), after: Self.gathering) }
        for name in names(caches.assignments) { queue.add(.assignment(name), after: Self.gathering) }
        for name in names(caches.projects) { queue.add(.project(name), after: Self.gathering) }
        registriesChanged(after: Self.gathering)
    }

    func registriesChanged(after delay: Duration) {
        for name in names(caches.registries) { queue.add(.registry(name), after: delay) }
    }

    /// The progress of a namespace in a data plane has changed.
    /// - Parameter isBusy: many more namespaces of that data plane wait.
    func namespaceChanged(_ namespace: String, of dataPlane: String, isBusy: Bool) {
        let delay = isBusy ? Self.gatheringWhileBusy : Self.gathering
        queue.add(.dataPlane(dataPlane), after: delay)
        guard let plan = plans.inForce else { return }
        for key in plan.planner.projectDomains(of: namespace) {
            let (assignments, projects) = plan.planner.dependents(of: key)
            for name in assignments { queue.add(.assignment(name), after: delay) }
            for name in projects { queue.add(.project(name), after: delay) }
        }
        registriesChanged(after: delay)
    }

    private func secretChanged(_ name: String) {
        if plans.inForce?.references.readsValues(fromSecret: name) ?? true { changed(.secret(name)) }
        if plans.inForce?.references.replicated.contains(name) ?? false { changed(.replicated) }
        let isFlyteAdmins = name == PublishedCredentials.secretName
        if isFlyteAdmins { queue.add(.publishing, after: Self.gathering) }
        let isAsked = isFlyteAdmins && plans.inForce?.spec.flyteHealth.enabled == true
        for (key, object) in caches.dataPlanes.snapshot ?? [:]
        where isAsked
            || object.object.map({
                $0.spec.credentials.secretName == name || $0.spec.connection.proxyCredentialsRef?.name == name
            }) ?? true
        {
            queue.add(.dataPlane(key.name))
        }
        // A Secret's labels decide for which purposes it may be used.
        for (key, object) in caches.projects.snapshot ?? [:]
        where object.object?.spec.valuesFrom.contains(where: { $0.secretKeyRef?.name == name }) ?? false {
            queue.add(.project(key.name), after: Self.gathering)
        }
        registriesChanged(after: Self.gathering)
    }

    /// Follows the caches until the returned functions are called.
    /// - Parameters:
    ///   - gone: called for an object that was deleted.
    ///   - requested: called for an object that somebody wants reconciled at once.
    ///   - secretChanged: called for each Secret, beside what the table says.
    func follow(
        gone: @escaping @Sendable (ObjectMeta) -> Void, requested: @escaping @Sendable (Work) -> Void,
        secretChanged: @escaping @Sendable () -> Void
    ) -> [@Sendable () -> Void] {
        func follow<Object: KubeResource>(
            _ store: Store<Decoded<Object>>, _ input: @escaping @Sendable (String) -> PlanKeeper.Input,
            _ work: @escaping @Sendable (String) -> Work
        ) -> @Sendable () -> Void {
            store.subscribe { change in
                let name = change.key.name
                if case .deleted(let last) = change.kind {
                    gone(last.metadata)
                    queue.add(work(name))
                }
                if case .updated(let old, let new) = change.kind, new.metadata.requestsReconcile(after: old.metadata) {
                    requested(work(name))
                }
                // Our own writes of statuses come back as changes.
                if case .updated(let old, let new) = change.kind, old.metadata.isSameSpec(as: new.metadata) {
                    return queue.add(work(name), after: Self.gathering)
                }
                changed(input(name))
            }
        }
        return [
            caches.secrets.observers.subscribe { name in
                secretChanged()
                self.secretChanged(name)
            },
            caches.configMaps.observers.subscribe { changed(.configMap($0)) },
            caches.profiles.observers.subscribe { queue.add(.clusterProfiles, after: Self.gathering) },
            caches.labelledSecrets.observers.subscribe {
                changed(.replicated)
                registriesChanged(after: Self.gathering)
            },
            caches.doubts.observers.subscribe { queue.add(.registry(ClusterRegistry.theName)) },
            caches.missingKinds.observers.subscribe { queue.add(.registry(ClusterRegistry.theName)) },
            caches.goneDataPlanes.subscribe { queue.add(.dataPlane($0)) },
            caches.published.observers.subscribe { _ in queue.add(.publishing) },
            caches.deployments.observers.subscribe { _ in queue.add(.publishing) },
            follow(caches.dataPlanes, { .dataPlane($0) }, { .dataPlane($0) }),
            follow(caches.executionLabels, { .executionLabel($0) }, { .executionLabel($0) }),
            follow(caches.assignments, { .assignment($0) }, { .assignment($0) }),
            follow(caches.projects, { .project($0) }, { .project($0) }),
            follow(caches.registries, { .registry($0) }, { .registry($0) }),
        ]
    }

    private func names<Value>(_ store: Store<Value>) -> [String] { (store.snapshot ?? [:]).keys.map(\.name) }
}

extension ObjectMeta {
    /// Any new value of this annotation has the object reconciled at once, as with Flux: `kubectl annotate --overwrite
    /// dp dataplane-1 multicluster.flyte.org/reconcile-requested-at="$(date)"`.
    static let requestAnnotation = FleetGroup.name + "/reconcile-requested-at"

    func requestsReconcile(after old: ObjectMeta) -> Bool {
        let request = annotations?[Self.requestAnnotation] ?? ""
        return uid == old.uid && !request.isEmpty && request != old.annotations?[Self.requestAnnotation]
    }

    /// Whether the object can differ only in its status.
    fileprivate func isSameSpec(as other: ObjectMeta) -> Bool {
        uid == other.uid && generation == other.generation && generation != nil && annotations == other.annotations
    }
}
