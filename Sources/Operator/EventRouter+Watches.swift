import ControlLoop
import Fleet
import KubeObjects

extension EventRouter {
    /// Follows the informers until the returned functions are called.
    func follow() -> [@Sendable () -> Void] {
        func follow<Object: KubeResource>(
            _ store: Store<Decoded<Object>>, _ input: @escaping @Sendable (String) -> PlanUpdater.Input,
            _ work: @escaping @Sendable (String) -> Work
        ) -> @Sendable () -> Void {
            store.subscribe { change in
                let name = change.key.name
                switch change.kind {
                case .added: break
                case .deleted:
                    queue.add(work(name))
                    queue.add(.tidying, after: Delay.tidying)
                case .updated(let old, let new):
                    if new.metadata.requestsReconcile(after: old.metadata) { queue.add(.requested(work(name))) }
                    if old.metadata.isSameSpec(as: new.metadata) { return statusChanged(old, new, work(name)) }
                }
                changed(input(name))
            }
        }
        return [
            informers.secrets.observers.subscribe { secretChanged($0) },
            informers.configMaps.observers.subscribe { changed(.configMap($0)) },
            informers.profiles.observers.subscribe { queue.add(.clusterProfiles, after: Delay.coalescing) },
            informers.labelledSecrets.observers.subscribe {
                changed(.replicated)
                registriesChanged()
            },
            informers.doubts.observers.subscribe { queue.add(.registry(ClusterRegistry.theName)) },
            informers.missingKinds.observers.subscribe { queue.add(.registry(ClusterRegistry.theName)) },
            informers.goneDataPlanes.subscribe { queue.add(.dataPlane($0)) },
            informers.published.observers.subscribe { _ in queue.add(.publishing) },
            informers.deployments.observers.subscribe { _ in queue.add(.publishing) },
            follow(informers.dataPlanes, { .dataPlane($0) }, { .dataPlane($0) }),
            follow(informers.executionLabels, { .executionLabel($0) }, { .executionLabel($0) }),
            follow(informers.assignments, { .assignment($0) }, { .assignment($0) }),
            follow(informers.projects, { .project($0) }, { .project($0) }),
            follow(informers.registries, { .registry($0) }, { .registry($0) }),
        ]
    }

    /// Only the status differs.
    private func statusChanged<Object: KubeResource>(_ old: Decoded<Object>, _ new: Decoded<Object>, _ work: Work) {
        // A change of one project-domain is a new status of every DataPlane. Our own status tells a DataPlane's controller
        // nothing new.
        if let old = old.object as? DataPlane, let new = new.object as? DataPlane, statuses.isOwnWrite(new),
            old.status?.isOfSameCluster(as: new.status) ?? false
        {
            // Other controllers read the status from the informer.
            dataPlaneIsLookedAt()
            if let plan = plans.inForce { dataPlaneReported(plan) }
            return
        }
        queue.add(work, after: Delay.coalescing)
    }

    private func secretChanged(_ name: String) {
        // Its credentials may be for flyteadmin.
        flyteAdmin.advance()
        if plans.inForce?.references.readsValues(fromSecret: name) ?? true { changed(.secret(name)) }
        if plans.inForce?.references.replicated.contains(name) ?? false { changed(.replicated) }
        let isFlyteAdmins = name == PublishedCredentials.secretName
        if isFlyteAdmins { queue.add(.publishing, after: Delay.coalescing) }
        let isAsked = isFlyteAdmins && plans.inForce?.spec.flyteHealth.enabled == true
        for (key, object) in informers.dataPlanes.snapshot ?? [:]
        where isAsked
            || object.object.map({
                $0.spec.credentials.secretName == name || $0.spec.connection.proxyCredentialsRef?.name == name
            }) ?? true
        {
            queue.add(.dataPlane(key.name))
        }
        // A Secret's labels decide for which purposes it may be used.
        for (key, object) in informers.projects.snapshot ?? [:]
        where object.object?.spec.valuesFrom.contains(where: { $0.secretKeyRef?.name == name }) ?? false {
            queue.add(.project(key.name), after: Delay.coalescing)
        }
        registriesChanged()
    }
}

extension DataPlaneStatus {
    /// Whether both have the same of what goes into the agent's configuration.
    fileprivate func isOfSameCluster(as other: DataPlaneStatus?) -> Bool {
        clusterUID == other?.clusterUID && endpoint == other?.endpoint && kubernetesVersion == other?.kubernetesVersion
    }
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
