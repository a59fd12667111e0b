import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

/// Publishes the clusters for flyteadmin, and restarts the Deployments that have read another state of them.
struct PublishingController: Sendable {
    let inputs: Inputs
    let publisher: ClustersPublisher
    let restarts: FlyteAdminRestarts
    let reports: Reports
    let router: EventRouter

    private var memory: PublishingMemory { reports.publishing }

    func reconcile() async throws(KubeError) -> Controller<Work>.Outcome {
        guard let plan = inputs.plan, plan.identity != nil else { return .done }
        let decoded = inputs.informers.registries[inputs.informers.key(ClusterRegistry.theName)]
        if decoded == nil {
            writesNothing(.notConfigured, .notConfigured, nil)
            return .done
        }
        // A registry that can't be used says so in its own status, and changes nothing.
        guard let registry = decoded?.object, registry.spec.problems().isEmpty else { return .done }
        // The mode in force is the plan's. A newer plan follows, and wakes this controller.
        guard plan.knows(registry.metadata) else { return .done }
        if plan.spec.mode == .observe {
            let (publishes, restarts) = (
                registry.spec.publish?.clustersConfigMap != nil, registry.spec.publish?.restart.isEmpty == false
            )
            writesNothing(
                publishes ? .observing : .notConfigured, publishes && restarts ? .observing : .notConfigured, registry,
                noting: .observing)
            return .done
        }
        guard let publish = registry.spec.publish, let target = publish.clustersConfigMap else {
            writesNothing(.notConfigured, .notConfigured, registry)
            return .done
        }
        follow([target.name], Set(publish.restart.map(\.name)))
        let now = publisher.wallClock.now
        var wake: [Double] = []
        let state = try await publisher.publish(registry, to: target, now, &wake)
        let rollout: RegistryFacts.Rollout?
        if publish.restart.isEmpty {
            rollout = .notConfigured
        } else if state.isWritten {
            let dead = deadClusters(state.plan)
            rollout = try await restarts.rollOut(registry, publish, state.checksum, dead: dead, now, &wake)
        } else {
            rollout = restarts.onHold(publish, state.published?.checksum, now)
        }
        note(rollout, of: state.isWritten ? state.plan.configuration : state.published?.configuration)
        guard let publishing = state.publishing, let rollout else { return .requeue(after: Delay.coalescing) }
        announce(
            .init(
                publishing: publishing, rollout: rollout, lostLabels: state.plan.lostLabels, remarks: state.remarks),
            registry)
        return wake.min().map { .requeue(after: .seconds(max(1, $0 + 0.1))) } ?? .done
    }

    private func writesNothing(
        _ publishing: RegistryFacts.Publishing, _ rollout: RegistryFacts.Rollout,
        _ registry: ClusterRegistry?, noting noted: RegistryFacts.Rollout = .notConfigured
    ) {
        follow([], [])
        note(noted, of: nil)
        announce(.init(publishing: publishing, rollout: rollout), registry)
    }

    private func follow(_ maps: Set<String>, _ deployments: Set<String>) {
        inputs.informers.published.follow(maps)
        inputs.informers.deployments.follow(deployments)
    }

    /// The enabled clusters in which flyteadmin could do nothing.
    private func deadClusters(_ plan: ClustersPlan) -> [String] {
        let objects = Seniority.oldest(inputs.informers.dataPlanes.valid().values, by: \.clusterName)
        return plan.configuration.clusters.filter { cluster in
            guard cluster.enabled else { return false }
            return plan.closed.contains(cluster.name)
                || objects[cluster.name]?.status?.availability?.status == .isFalse
        }.map(\.name)
    }

    /// Notes which labels flyteadmin runs with, if a rollout shows it.
    private func note(_ rollout: RegistryFacts.Rollout?, of configuration: ClustersConfiguration?) {
        let running: PublishingMemory.RunningLabels
        switch rollout {
        // Squadron does not restart flyteadmin, or nothing is written.
        case .notConfigured?, .observing?: running = .all
        case .rolledOut?: running = .known(Set((configuration?.labels ?? [:]).keys))
        case .progressing?, .failed?, .held?:
            // The labels of the last complete rollout stay.
            if case .known = memory.running { return }
            running = .known([])
        case .pending?, nil: return
        }
        if memory.set(running: running) { router.runningLabelsChanged() }
    }

    /// Stores a result, from which the registry's conditions follow. A label that is lost gets an event of its own.
    private func announce(_ result: PublishingMemory.Result, _ registry: ClusterRegistry?) {
        var result = result
        result.generation = registry?.metadata.generation
        let before = memory.set(result)
        guard before != result else { return }
        router.publishingReported()
        guard let registry else { return }
        for (label, reason) in result.lostLabels.sorted(by: { $0.key < $1.key })
        where before?.lostLabels[label] == nil {
            publisher.writer.tell(registry, "LabelLost", reason, action: "Publish", isWarning: true)
        }
        for (reason, text) in result.remarks.sorted(by: { $0.key < $1.key }) where before?.remarks[reason] != text {
            publisher.writer.tell(registry, reason, text, action: "Publish", isWarning: true)
        }
    }
}
