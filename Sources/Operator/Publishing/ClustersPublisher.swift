import ControlLoop
import Fleet
import JSON
import Kube
import KubeObjects
import Support

/// Writes the ConfigMap that flyteadmin reads its clusters from. Whatever is wrong leaves the last good state in force.
struct ClustersPublisher: Sendable {
    let inputs: Inputs
    let reports: Reports
    let writer: ControlPlaneWriter
    var wallClock = WallClock.system
    var timeline = Timeline.continuous

    private var informers: Informers { inputs.informers }
    private var memory: PublishingMemory { reports.publishing }

    struct State: Sendable {
        /// Nil if it is not known yet.
        var publishing: RegistryFacts.Publishing?
        var plan: ClustersPlan
        var published: PublishedClusters?
        /// The checksum of the plan with the present credentials.
        var checksum: String
        /// Whether the plan is published, and flyteadmin could start with it.
        var isWritten = false
        var remarks: [String: String] = [:]
    }

    /// - Parameter wake: gets the times in seconds after which to look again.
    func publish(
        _ registry: ClusterRegistry, to target: KeyReference, _ now: Instant, _ wake: inout [Double]
    ) async throws(KubeError) -> State {
        let place = "ConfigMap \(target.name), key \(target.key)"
        var published: PublishedClusters?
        var unreadable: String?
        var isUnknown = false
        switch informers.published[target.name] {
        case .unknown: isUnknown = true
        case .absent:
            if let (own, patience) = memory.justWritten(target.name, now: timeline.now) {
                published = own
                wake.append(patience)
            }
        case .unreadable(let text): unreadable = text
        case .present(let map): published = memory.newest(map, key: target.key)
        }
        let plan = clustersPlan(registry, published, now)
        // Whether flyteadmin has their files is not known then, so nothing follows from the plan.
        let noCredentials = unreadableCredentials
        if plan.undetermined.isEmpty, noCredentials == nil { memory.set(away: plan.away, now: timeline.now) }
        let remarks = remarks(target, plan.configuration)
        // A text that was put back gets a new time, since a flyteadmin that started in between has read another text.
        let text = plan.configuration.yaml
        let time = published?.text == text ? published?.time : Timestamp(now)
        let wanted = PublishedClusters(
            text: text, withdrawn: plan.withdrawn, time: time, checksum: checksum(plan.configuration, time))
        func state(_ publishing: RegistryFacts.Publishing?) -> State {
            State(
                publishing: publishing, plan: plan, published: published, checksum: wanted.checksum ?? "",
                remarks: remarks)
        }
        if isUnknown { return state(nil) }
        if let unreadable { return state(.failed("\(place) can't be read: \(unreadable)")) }
        if let noCredentials { return state(.failed("\(noCredentials); the last good state stays")) }
        if !plan.problems.isEmpty {
            return state(.failed(plan.problems.joined(separator: "; ") + "; the last good state stays"))
        }
        if !plan.undetermined.isEmpty { return state(nil) }
        if let time = plan.lookAgain { wake.append(time - now) }
        // While credentials are away for a moment, their absence must not cause a rollout.
        let isMoment = !plan.waiting.isEmpty && published?.text == text
        if published != wanted, !isMoment {
            guard writer.mayWrite() else { return state(nil) }
            do throws(KubeError) {
                try await apply(wanted, to: target, of: registry)
            } catch {
                if error.isRetryable || error.isCancelled { throw error }
                wake.append(Delay.afterRefusal.seconds)
                return state(.failed(error.description))
            }
        }
        let enabled = plan.configuration.clusters.count(where: \.enabled)
        let score = "\(place): \(enabled) enabled data planes, \(plan.configuration.labels.count) labels"
        var end = state(.published(([score] + plan.notes).joined(separator: "; ")))
        if let complaint = plan.complaint {
            end.publishing = .failed(([complaint] + plan.notes).joined(separator: "; "))
        } else if !plan.wouldBeEmpty.isEmpty {
            let rest = ["the rest is published"] + plan.notes
            end.publishing = .labelWouldBeEmpty((plan.wouldBeEmpty + rest).joined(separator: "; "))
        }
        end.isWritten = plan.waiting.isEmpty
        return end
    }

    private func clustersPlan(_ registry: ClusterRegistry, _ published: PublishedClusters?, _ now: Instant)
        -> ClustersPlan
    {
        var malformed: [String] = []
        var planes: [ClustersPlan.Plane] = []
        for value in (informers.dataPlanes.snapshot ?? [:]).values {
            switch value {
            case .valid(let object):
                planes.append(.init(object, credentials: .init(publishedCredentials(of: object), of: object)))
            case .malformed(let metadata, let failure):
                malformed.append("DataPlane \(metadata.name): \(SpecProblem(failure))")
            }
        }
        for case .malformed(let metadata, let failure) in (informers.executionLabels.snapshot ?? [:]).values {
            malformed.append("ExecutionLabel \(metadata.name): \(SpecProblem(failure))")
        }
        return ClustersPlan(
            registry: registry.spec, planes: planes, labels: Array(informers.executionLabels.valid().values),
            malformed: malformed.sorted(), published: published, files: credentialFiles,
            named: namedLabels(registry.spec),
            away: memory.away(now: timeline.now), patience: memory.patience, now: now)
    }

    /// Why flyteadmin's entries can't be read, although a data plane has some. An API server that can't decrypt Secrets
    /// must not look like one without them.
    private var unreadableCredentials: String? {
        guard case .unreadable(let why) = informers.secrets[PublishedCredentials.secretName],
            informers.dataPlanes.valid().values.contains(where: { !$0.spec.inCluster })
        else { return nil }
        return "Secret \(PublishedCredentials.secretName) can't be read: \(why)"
    }

    /// Nil while the Secret has not been read.
    private var credentialFiles: CredentialFiles? {
        switch informers.secrets[PublishedCredentials.secretName] {
        case .present(let content): CredentialFiles(content)
        case .absent: CredentialFiles(nil)
        case .unknown, .unreadable: nil
        }
    }

    /// The labels that flyteadmin's rows name. Nil while the rows have not been read.
    private func namedLabels(_ registry: ClusterRegistrySpec) -> Set<String>? {
        let wanted = Set(informers.assignments.valid().values.map(\.spec.value))
        guard registry.flyteAdmin != nil else { return wanted }
        return reports.flyteAdmin.namedLabels.map { $0.union(wanted) }
    }

    /// What flyteadmin reads beside our key, and what Helm will say about it.
    private func remarks(_ target: KeyReference, _ ours: ClustersConfiguration) -> [String: String] {
        var remarks: [String: String] = [:]
        // Before our text is written, the ConfigMap may still have a former key of ours.
        if case .present(let map) = informers.published[target.name], map.data[target.key] == ours.yaml {
            remarks["LabelsBesideOurs"] = BesideOurs(map, key: target.key, ours: ours).message
        }
        if target.key == Publish.helmsKey {
            remarks["HelmUpgradeConflict"] =
                "spec.publish.clustersConfigMap.key is \(Publish.helmsKey), which Flyte's chart renders too: the next upgrade "
                + "by Helm 4 fails with a conflict. The default key \(Publish.defaultKey) comes after it and overrides it"
        } else if !target.key.hasSuffix(".yaml") {
            remarks["KeyNotRead"] = "flyteadmin reads only keys that end in .yaml, and \(target.key) does not"
        }
        return remarks
    }

    /// The registry gives us the key, so we take it over. An event names its former manager. All other keys stay.
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
                object, type: type, namespace: writer.namespace, name: target.name,
                fieldManager: Ownership.fieldManager,
                force: force, metadataOnlyAnswer: true)
        }
        let answer: JSON
        do throws(KubeError) {
            answer = try await apply(force: false)
        } catch {
            guard !error.conflicts.isEmpty else { throw error }
            answer = try await apply(force: true)
            writer.tell(
                registry, "TakenOver",
                "ConfigMap \(target.name), key \(target.key): taken over from "
                    + Set(error.conflicts.map(\.manager)).sorted().joined(separator: ", "), action: "Publish")
        }
        memory.wrote(target.name, version: answer.versionNumber, wanted, now: timeline.now)
        writer.log(WriteLine(.published, "configmaps/\(target.name)", in: writer.namespace))
    }

    private func checksum(_ configuration: ClustersConfiguration, _ time: Timestamp?) -> String {
        var entries: [String: Sensitive]?
        if case .present(let content) = informers.secrets[PublishedCredentials.secretName] { entries = content.entries }
        return ClustersChecksum.text(
            configuration, published: time, planes: informers.dataPlanes.valid().values, entries: entries)
    }

    /// Nil if they are not known yet, or not needed.
    private func publishedCredentials(of object: DataPlane) -> CheckedCredentials? {
        guard !object.spec.inCluster else { return nil }
        let entries = PublishedCredentials(of: object)
        return informers.credentials(entries.place, now: wallClock.now)
    }
}
