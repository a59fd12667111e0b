import ControlLoop
import Fleet
import JSON
import Kube
import KubeObjects

/// Stores the revisions of a staged rollout as `apps/v1` ControllerRevisions. After a restart or a change of leader the
/// rollout goes on with them.
///
/// A ControllerRevision's data never changes. The state (which data plane has which revision) is an annotation of the
/// newest one. So a new revision and its first state are one write.
struct RevisionStore: Sendable {
    let client: KubeClient
    let namespace: String
    var writeLog = WriteLog.silent

    typealias Stored = StoredRevision

    /// All readable revisions, the oldest first.
    func load() async throws(KubeError) -> [Stored] {
        let collection = KubeCollection(
            .controllerRevisions, namespace: namespace,
            labelSelector: "\(RolloutNames.label)=\(ClusterRegistry.theName)")
        return try await client.listAll(DynamicObject.self, of: collection).compactMap {
            $0.object.flatMap(StoredRevision.init)
        }.sorted { $0.number < $1.number }
    }

    func create(_ stored: Stored) async throws(KubeError) {
        let type = ResourceType.controllerRevisions
        var metadata: JSON = [
            "name": .string(Self.name(stored.number)), "namespace": .string(namespace),
            "labels": [
                "app.kubernetes.io/name": "squadron", RolloutNames.label: .string(ClusterRegistry.theName),
            ],
        ]
        if let record = stored.record { metadata["annotations"] = [RolloutNames.state: try text(record)] }
        let object: JSON = [
            "apiVersion": .string(type.apiVersion), "kind": .string(type.kind), "metadata": metadata,
            "revision": .int(stored.number), "data": try encoded(stored.content),
        ]
        try await client.create(object, type: type, namespace: namespace, fieldManager: Ownership.fieldManager)
        tell(.noted, stored.number)
    }

    /// - Parameter record: nil if changes go to all data planes at once from now on, which makes the state worthless.
    func note(_ record: StagedRollout.Record?, on number: Int64) async throws(KubeError) {
        let value = try record.map { record throws(KubeError) in try text(record) } ?? .null
        try await client.mergePatch(
            ["metadata": ["annotations": [RolloutNames.state: value]]], type: .controllerRevisions,
            namespace: namespace,
            name: Self.name(number), fieldManager: Ownership.fieldManager, metadataOnlyAnswer: true)
        tell(.noted, number)
    }

    func delete(_ number: Int64) async throws(KubeError) {
        do {
            try await client.delete(.controllerRevisions, namespace: namespace, name: Self.name(number))
            tell(.removed, number)
        } catch {
            if !error.isNotFound { throw error }
        }
    }

    private func tell(_ reason: WriteLine.Reason, _ number: Int64) {
        writeLog(
            WriteLine(
                reason, "\(ResourceType.controllerRevisions)/\(Self.name(number))", in: namespace, revision: number))
    }

    private static func name(_ number: Int64) -> String { "squadron-\(ClusterRegistry.theName)-\(number)" }

    private func text(_ record: StagedRollout.Record) throws(KubeError) -> JSON {
        .string(String(decoding: try encoded(record).serialized(), as: UTF8.self))
    }

    private func encoded(_ value: some Encodable) throws(KubeError) -> JSON {
        do {
            return try JSON(encoding: value)
        } catch {
            throw KubeError(operation: "write a revision", cause: .unexpectedAnswer("it can't be encoded: \(error)"))
        }
    }
}
