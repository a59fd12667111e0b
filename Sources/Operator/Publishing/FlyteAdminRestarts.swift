import ControlLoop
import Fleet
import JSON
import Kube
import KubeObjects
import Support

/// Restarts flyteadmin's Deployments, one after the other, once they have read another configuration than the published one.
struct FlyteAdminRestarts: Sendable {
    let informers: Informers
    let memory: PublishingMemory
    let writer: ControlPlaneWriter
    var timeline = Timeline.continuous

    /// One step of the rollout.
    ///
    /// - Parameter wake: gets the times in seconds after which to look again.
    /// - Returns: nil if it is not known yet.
    func rollOut(
        _ registry: ClusterRegistry, _ publish: Publish, _ checksum: String, dead: [String], _ now: Instant,
        _ wake: inout [Double]
    ) async throws(KubeError) -> RegistryFacts.Rollout? {
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
            let wait = memory.since(checksum, now: timeline.now) + Delay.beforeRestart - timeline.now
            if wait > .zero {
                wake.append(wait.seconds)
                return .progressing("Deployment \(name) is restarted once nothing changes any longer")
            }
            guard writer.mayWrite() else { return nil }
            do throws(KubeError) {
                try await restart(name, annotations, of: registry)
            } catch {
                if error.isRetryable || error.isCancelled { throw error }
                wake.append(Delay.afterRefusal.seconds)
                return .failed(error.description)
            }
            return .progressing("Deployment \(name): restarted")
        }
    }

    /// While nothing can be published, nothing is restarted. This reports only the rollout of the last good state.
    func onHold(_ publish: Publish, _ checksum: String?, _ now: Instant) -> RegistryFacts.Rollout? {
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
        switch informers.deployments[name] {
        case .unknown: .unknown
        case .absent: .absent
        case .unreadable(let text): .unreadable(text)
        case .present(let object): .present(memory.newest(object))
        }
    }

    /// Restarts it as `kubectl rollout restart` does.
    private func restart(
        _ name: String, _ annotations: [String: String], of registry: ClusterRegistry
    ) async throws(KubeError) {
        let answer = try await writer.client.mergePatch(
            Deployment.templateAnnotationsPatch(annotations), type: Deployment.resourceType,
            namespace: writer.namespace, name: name, fieldManager: Ownership.fieldManager)
        if let object = try? Deployment(json: answer) { memory.wrote(object) }
        writer.log(WriteLine(.restarted, "deployments.apps/\(name)", in: writer.namespace))
        writer.tell(
            registry, "Restarted",
            "Deployment \(name): restarted, for it had read another configuration or credential", action: "Publish")
    }
}
