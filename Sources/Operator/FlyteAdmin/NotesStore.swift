import ControlLoop
import Fleet
import JSON
import Kube
import KubeObjects

/// A text of the operator in one key of a ConfigMap, for what must outlive the process and has no better place.
///
/// Each new leader reads it once. The leader is its only writer: its next write replaces any edit by hand.
struct NotesStore: Sendable {
    let client: KubeClient
    let namespace: String
    let configMapName: String
    let dataKey: String
    var writeLog = WriteLog.silent

    /// Nil if there is none.
    func read() async throws(KubeError) -> String? {
        do {
            return try await client.get(ConfigMap.self, namespace: namespace, name: configMapName).data[dataKey]
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
    }

    /// Writes by server-side apply: one request, whether the ConfigMap exists or not. An API server then checks
    /// `create` on the name, so the Role can grant it for this one ConfigMap.
    func write(_ text: String) async throws(KubeError) {
        let type = ConfigMap.resourceType
        let object: JSON = [
            "apiVersion": .string(type.apiVersion), "kind": .string(type.kind),
            "metadata": [
                "name": .string(configMapName), "namespace": .string(namespace),
                "labels": ["app.kubernetes.io/name": "squadron"],
            ],
            "data": [dataKey: .string(text)],
        ]
        try await client.apply(
            object, type: type, namespace: namespace, name: configMapName, fieldManager: Ownership.fieldManager,
            force: true, metadataOnlyAnswer: true)
        writeLog(WriteLine(.noted, "configmaps/\(configMapName)", in: namespace))
    }
}
