import ControlLoop
import Fleet
import JSON
import Kube
import KubeObjects
import Support

extension Reconcilers {
    /// Brings the ConfigMap that flyteadmin reads its clusters from in line with the custom resources, and restarts what
    /// has read another state of it. Whatever is wrong leaves the last good state in force.
    func reconcilePublishing() async throws(KubeError) -> Controller<Work>.Outcome {
        guard plan?.identity != nil else { return .done }
        let decoded = caches.registries[key(ClusterRegistry.theName)]
        if decoded == nil {
            follow([], [])
            announce(.init(publishing: .notConfigured, rollout: .notConfigured), nil)
            return .done
        }
        // A registry that can't be used says so itself, and changes nothing.
        guard let registry = decoded?.object, registry.spec.problems().isEmpty else { return .done }
        guard let publish = registry.spec.publish, let target = publish.clustersConfigMap else {
            follow([], [])
            announce(.init(publishing: .notConfigured, rollout: .notConfigured), registry)
            return .done
        }
        follow([target.name], Set(publish.restart.map(\.name)))
        let now = wallClock.now
        var wake: [Double] = []
        let state = try await publishClusters(registry, to: target, now, &wake)
        let rollout: RegistryObservation.Rollout?
        if publish.restart.isEmpty {
            rollout = .notConfigured
        } else if case .published? = state.publishing {
            rollout = try await rollOut(registry, publish, state.checksum, now, &wake)
        } else {
            rollout = rolloutOnHold(publish, state.published?.checksum, now)
        }
        guard let publishing = state.publishing, let rollout else { return .requeue(after: Self.gathering) }
        announce(.init(publishing: publishing, rollout: rollout, lostLabels: state.plan.lostLabels), registry)
        return wake.min().map { .requeue(after: .seconds(max(1, $0 + 0.1))) } ?? .done
    }

    private func follow(_ maps: Set<String>, _ deployments: Set<String>) {
        caches.published.follow(maps)
        caches.deployments.follow(deployments)
    }

    private struct State {
        /// Nil for what isn't known yet.
        var publishing: RegistryObservation.Publishing?
        var plan: ClustersPlan
        var published: PublishedClusters?
        /// Of the plan, with the credentials as they are now.
        var checksum: String
    }

    private func publishClusters(
        _ registry: ClusterRegistry, to target: KeyReference, _ now: Instant, _ wake: inout [Double]
    ) async throws(KubeError) -> State {
        let place = "ConfigMap \(target.name), key \(target.key)"
        var published: PublishedClusters?
        var unreadable: String?
        var isUnknown = false
        switch caches.published[target.name] {
        case .unknown: isUnknown = true
        case .absent:
            if let (own, patience) = publishingBoard.justWritten(target.name, now: timeline.now) {
                published = own
                wake.append(patience)
            }
        case .unreadable(let text): unreadable = text
        case .present(let map): published = publishingBoard.newest(map, key: target.key)
        }
        let plan = clustersPlan(registry, published, now)
        // A text that was put back is published anew: whoever started in between has read something else.
        let text = plan.configuration.yaml
        let time = published?.text == text ? published?.time : Timestamp(now)
        let wanted = PublishedClusters(
            text: text, withdrawn: plan.withdrawn, time: time, checksum: checksum(plan.configuration, time))
        func state(_ publishing: RegistryObservation.Publishing?) -> State {
            State(publishing: publishing, plan: plan, published: published, checksum: wanted.checksum ?? "")
        }
        if isUnknown { return state(nil) }
        if let unreadable { return state(.failed("\(place) can't be read: \(unreadable)")) }
        if !plan.problems.isEmpty {
            return state(.failed(plan.problems.joined(separator: "; ") + "; the last good state stays"))
        }
        if !plan.undetermined.isEmpty { return state(nil) }
        if let time = plan.lookAgain { wake.append(time - now) }
        if published != wanted {
            guard writer.mayWrite() else { return state(nil) }
            do throws(KubeError) {
                try await apply(wanted, to: target, of: registry)
            } catch {
                if error.isRetryable || error.isCancelled { throw error }
                wake.append(60)
                return state(.failed(error.description))
            }
        }
        let enabled = plan.configuration.clusters.count(where: \.enabled)
        let score = "\(place): \(enabled) enabled data planes, \(plan.configuration.labels.count) labels"
        return state(.published(([score] + plan.notes).joined(separator: "; ")))
    }

    private func clustersPlan(_ registry: ClusterRegistry, _ published: PublishedClusters?, _ now: Instant)
        -> ClustersPlan
    {
        var malformed: [String] = []
        var planes: [ClustersPlan.Plane] = []
        for value in (caches.dataPlanes.snapshot ?? [:]).values {
            switch value {
            case .valid(let object):
                planes.append(.init(object, credentials: .init(publishedCredentials(of: object), of: object)))
            case .malformed(let metadata, let failure):
                malformed.append("DataPlane \(metadata.name): \(SpecProblem(failure))")
            }
        }
        for case .malformed(let metadata, let failure) in (caches.executionLabels.snapshot ?? [:]).values {
            malformed.append("ExecutionLabel \(metadata.name): \(SpecProblem(failure))")
        }
        return ClustersPlan(
            registry: registry.spec, planes: planes, labels: Array(caches.executionLabels.valid().values),
            malformed: malformed.sorted(), published: published, now: now)
    }

    /// The key is the one that the registry names for us: who else has it loses it, and is told. All other keys stay.
    private func apply(
        _ wanted: PublishedClusters, to target: KeyReference, of registry: ClusterRegistry
    ) async throws(KubeError) {
        let type = ConfigMap.resourceType
        let object: JSON = [
            "apiVersion": .string(type.apiVersion), "kind": .string(type.kind),
            "metadata": [
                "name": .string(target.name), "annotations": .object(wanted.annotations.mapValues { .string($0) }),
            ],
            "data": [target.key: .string(wanted.text ?? "")],
        ]
        func apply(force: Bool) async throws(KubeError) -> JSON {
            try await writer.client.apply(
                object, type: type, namespace: namespace, name: target.name, fieldManager: Ownership.fieldManager,
                force: force, metadataOnlyAnswer: true)
        }
        let answer: JSON
        do throws(KubeError) {
            answer = try await apply(force: false)
        } catch {
            guard !error.conflicts.isEmpty else { throw error }
            answer = try await apply(force: true)
            tell(
                registry, "TakenOver",
                "ConfigMap \(target.name), key \(target.key): taken over from "
                    + Set(error.conflicts.map(\.manager)).sorted().joined(separator: ", "))
        }
        publishingBoard.wrote(target.name, version: answer.versionNumber ?? 0, wanted, now: timeline.now)
        logger.info("published", metadata: ["configMap": "\(target.name)", "key": "\(target.key)"])
    }

    private func checksum(_ configuration: ClustersConfiguration, _ time: Timestamp?) -> String {
        var checksum = ClustersChecksum(configuration, published: time)
        let objects = Seniority.oldest(caches.dataPlanes.valid().values, by: \.clusterName)
        for cluster in configuration.clusters {
            guard case .remote = cluster.access, let object = objects[cluster.name],
                case .present(let data) = caches.secrets[PublishedCredentials.secretName]
            else { continue }
            let entries = PublishedCredentials(of: object)
            checksum.add(data[entries.tokenKey])
            checksum.add(data[entries.caCertKey])
        }
        return checksum.text
    }

    /// Nil for what isn't known yet, or isn't needed.
    private func publishedCredentials(of object: DataPlane) -> CredentialsVerdict? {
        guard !object.spec.inCluster else { return nil }
        let entries = PublishedCredentials(of: object)
        return caches.credentials(entries.place, now: wallClock.now)
    }
}
