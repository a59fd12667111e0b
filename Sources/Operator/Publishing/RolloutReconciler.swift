import ControlLoop
import Fleet
import JSON
import Kube
import KubeObjects
import Support

extension Reconcilers {
    /// How long a state must stay before a restart, so that the changes of one `kubectl apply` cause one restart.
    static let settlingTime = Duration.seconds(3)

    /// - Returns: nil if it is not known yet.
    func rollOut(
        _ registry: ClusterRegistry, _ publish: Publish, _ checksum: String, dead: [String], _ now: Instant,
        _ wake: inout [Double]
    ) async throws(KubeError) -> RegistryObservation.Rollout? {
        let workloads = publish.restart.map { RolloutPlan.Workload($0.name, reading(ofDeployment: $0.name)) }
        let step = RolloutPlan.next(
            workloads, checksum: checksum, minInterval: Double(publish.minIntervalSeconds), dead: dead, now: now)
        switch step {
        case .unknown: return nil
        case .done(let text): return .rolledOut(text)
        case .failed(let text): return .failed(text)
        case .held(let text): return .held(text)
        case .wait(let text, let until):
            if let until { wake.append(until - now) }
            return .progressing(text)
        case .restart(let name, let annotations):
            let wait = publishingBoard.since(checksum, now: timeline.now) + Self.settlingTime - timeline.now
            if wait > .zero {
                wake.append(wait.seconds)
                return .progressing("Deployment \(name) is restarted once nothing changes any longer")
            }
            guard writer.mayWrite() else { return nil }
            do throws(KubeError) {
                try await restart(name, annotations, of: registry)
            } catch {
                if error.isRetryable || error.isCancelled { throw error }
                wake.append(60)
                return .failed(error.description)
            }
            return .progressing("Deployment \(name): restarted")
        }
    }

    /// While nothing can be published, nothing is restarted. This reports only the rollout of the last good state.
    func rolloutOnHold(_ publish: Publish, _ checksum: String?, _ now: Instant) -> RegistryObservation.Rollout? {
        let workloads = publish.restart.map { RolloutPlan.Workload($0.name, reading(ofDeployment: $0.name)) }
        guard let checksum else { return .progressing("nothing is published yet") }
        switch RolloutPlan.next(workloads, checksum: checksum, minInterval: 0, now: now) {
        case .unknown: return nil
        case .done(let text): return .rolledOut(text + " (the last good state)")
        case .failed(let text): return .failed(text)
        case .held(let text): return .held(text)
        case .wait(let text, _): return .progressing(text)
        case .restart(let name, _):
            return .progressing("Deployment \(name) is not restarted before what is published is whole again")
        }
    }

    private func reading(ofDeployment name: String) -> RolloutPlan.Workload.Reading {
        switch caches.deployments[name] {
        case .unknown: .unknown
        case .absent: .absent
        case .unreadable(let text): .unreadable(text)
        case .present(let object): .present(publishingBoard.newest(object))
        }
    }

    /// Restarts it as `kubectl rollout restart` does.
    private func restart(
        _ name: String, _ annotations: [String: String], of registry: ClusterRegistry
    ) async throws(KubeError) {
        let answer = try await writer.client.mergePatch(
            Deployment.templateAnnotationsPatch(annotations), type: Deployment.resourceType,
            namespace: namespace, name: name, fieldManager: Ownership.fieldManager)
        if let object = try? Deployment(json: answer) { publishingBoard.wrote(object) }
        WriteLog(logger)(WriteLine(.restarted, "deployments.apps/\(name)", in: namespace))
        tell(
            registry, "Restarted", "Deployment \(name): restarted, for it had read another configuration or credential")
    }

    /// Sets a result, which the registry's conditions show. Each lost label gets an event.
    func announce(_ result: PublishingBoard.Result, _ registry: ClusterRegistry?) {
        var result = result
        result.generation = registry?.metadata.generation
        let before = publishingBoard.set(result)
        guard before != result else { return }
        queue.add(.registry(ClusterRegistry.theName), after: Self.gathering)
        guard let registry else { return }
        for (label, reason) in result.lostLabels.sorted(by: { $0.key < $1.key })
        where before?.lostLabels[label] == nil {
            tell(registry, "LabelLost", reason, isWarning: true)
        }
        for (reason, text) in result.remarks.sorted(by: { $0.key < $1.key }) where before?.remarks[reason] != text {
            tell(registry, reason, text, isWarning: true)
        }
    }

    func tell(_ registry: ClusterRegistry, _ reason: String, _ note: String, isWarning: Bool = false) {
        events.publish(
            regarding: registry.metadata, type: .clusterRegistries, isWarning: isWarning, reason: reason,
            action: "Publish", note: note)
    }
}
