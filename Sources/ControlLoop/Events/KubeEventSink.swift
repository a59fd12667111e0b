import JSON
import Kube
import KubeObjects

/// Writes events to an API server.
public struct KubeEventSink: EventSink {
    private let client: KubeClient
    private let fieldManager: String

    public init(_ client: KubeClient, fieldManager: String = "squadron") {
        self.client = client
        self.fieldManager = fieldManager
    }

    public func create(_ event: JSON, namespace: String, name: String) async throws(KubeError) {
        try await client.create(event, type: Event.resourceType, namespace: namespace, fieldManager: fieldManager)
    }

    public func patch(_ patch: JSON, namespace: String, name: String) async throws(KubeError) {
        try await client.mergePatch(
            patch, type: Event.resourceType, namespace: namespace, name: name, fieldManager: fieldManager)
    }
}
