import Fleet
import JSON
import Kube
import KubeObjects

/// Keeps the notes of what is ours in flyteadmin in the ConfigMap `squadron-published-labels`.
///
/// Read once by each new leader, which is its only writer; written before and after rows are. Whoever edits it by hand
/// is overruled by the next write.
struct PublishedLabelsStore: Sendable {
    let client: KubeClient
    let namespace: String

    enum Reading: Sendable {
        case none
        case notes(PublishedLabels)
        /// It is there and says nothing that can be read. Then nothing is known to be ours, and nothing is deleted but
        /// what is published from now on.
        case unreadable
    }

    func read() async throws(KubeError) -> Reading {
        let configMap: ConfigMap
        do {
            configMap = try await client.get(ConfigMap.self, namespace: namespace, name: PublishedLabels.configMapName)
        } catch {
            if error.isNotFound { return .none }
            throw error
        }
        guard let text = configMap.data[PublishedLabels.dataKey] else { return .none }
        return PublishedLabels(text: text).map { .notes($0) } ?? .unreadable
    }

    /// By server-side apply: one request, whether it is there or not. An API server checks `create` on the name then, so
    /// the Role can grant it for this one ConfigMap.
    func write(_ notes: PublishedLabels) async throws(KubeError) {
        let type = ConfigMap.resourceType
        let name = PublishedLabels.configMapName
        let object: JSON = [
            "apiVersion": .string(type.apiVersion), "kind": .string(type.kind),
            "metadata": [
                "name": .string(name), "namespace": .string(namespace),
                "labels": ["app.kubernetes.io/name": "squadron"],
            ],
            "data": [PublishedLabels.dataKey: .string(notes.text)],
        ]
        try await client.apply(
            object, type: type, namespace: namespace, name: name, fieldManager: Ownership.fieldManager, force: true,
            metadataOnlyAnswer: true)
    }
}
