import Fleet
import JSON
import Kube
import KubeObjects
import Support

/// Writes statuses of custom resources, by server-side apply and only where they differ from what is there.
///
/// The store may be behind our own last write; until it has caught up, that write is what a new status is compared with.
final class StatusWriter: Sendable {
    private struct Written {
        var version: UInt64
        var status: JSON
    }
    let client: KubeClient
    let mayWrite: @Sendable () -> Bool
    private let written = Locked<[String: Written]>([:])

    init(client: KubeClient, mayWrite: @escaping @Sendable () -> Bool) {
        self.client = client
        self.mayWrite = mayWrite
    }

    func write<Spec>(_ status: Spec.Status, of object: CustomResource<Spec>) async throws(KubeError) {
        try await write(
            Self.encode(status), current: object.status.map { Self.encode($0) } ?? [:], of: object.metadata,
            type: Spec.resourceType)
    }

    /// For an object that does not fit its type: `current` is not known then.
    func write(
        _ status: JSON, current: JSON?, of metadata: ObjectMeta, type: ResourceType
    ) async throws(KubeError) {
        let uid = metadata.uid ?? ""
        let version = metadata.versionNumber ?? 0
        let last = written.withLock { written in
            if let last = written[uid], last.version <= version, current != nil { written[uid] = nil }
            return written[uid]
        }
        guard status != (last?.status ?? current), mayWrite() else { return }
        do throws(KubeError) {
            let answer = try await client.applyStatus(
                status, type: type, namespace: metadata.namespace, name: metadata.name,
                fieldManager: Ownership.fieldManager)
            let new = answer.versionNumber ?? 0
            written.withLock { $0[uid] = Written(version: new, status: status) }
        } catch {
            if error.isNotFound { return }  // deleted meanwhile
            throw error
        }
    }

    /// What is stored, of an object that does not fit its type. Empty where there is none.
    func status(of metadata: ObjectMeta, _ type: ResourceType) async throws(KubeError) -> JSON {
        do throws(KubeError) {
            return try await client.get(type, namespace: metadata.namespace, name: metadata.name)["status"] ?? [:]
        } catch {
            if error.isNotFound { return [:] }
            throw error
        }
    }

    func forget(_ metadata: ObjectMeta) { written.withLock { $0[metadata.uid ?? ""] = nil } }

    private static func encode(_ value: some Encodable) -> JSON { (try? JSON(encoding: value)) ?? .object([:]) }
}
