import ControlLoop
import JSON
import Kube
import KubeObjects

/// Tells users of a change, best effort.
protocol EventPublisher: Sendable {
    func publish(
        regarding: ObjectMeta, type: ResourceType, isWarning: Bool, reason: String, action: String, note: String)
}

extension EventRecorder: EventPublisher {
    func publish(
        regarding: ObjectMeta, type: ResourceType, isWarning: Bool, reason: String, action: String, note: String
    ) {
        record(isWarning ? .warning : .normal, EventSubject(type, regarding), reason: reason, action: action, note: note)
    }
}

/// Events as the control plane's API server takes them.
struct KubeEventSink: EventSink {
    static let type = ResourceType(
        group: "events.k8s.io", version: "v1", kind: "Event", plural: "events", isNamespaced: true)
    let client: KubeClient

    func create(_ event: JSON, namespace: String, name: String) async throws(KubeError) {
        try await client.create(event, type: Self.type, namespace: namespace)
    }

    func patch(_ patch: JSON, namespace: String, name: String) async throws(KubeError) {
        try await client.patch(.merge(patch), type: Self.type, namespace: namespace, name: name)
    }
}
