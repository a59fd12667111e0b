import Fleet
import JSON
import Kube
import KubeObjects
import Support

/// Writes statuses of custom resources by server-side apply, and only if they differ from the stored ones.
///
/// The store may be behind our own last write. Until it has caught up, a new status is compared with that write.
final class StatusWriter: Sendable {
    private struct Written {
        var version: UInt64
        var status: JSON
        /// The same as the object's own type; nil if it was not known.
        var typed: (any CustomResourceStatus)?
    }
    let client: KubeClient
    let mayWrite: @Sendable () -> Bool
    private let written = Locked<[String: Written]>([:])

    init(client: KubeClient, mayWrite: @escaping @Sendable () -> Bool) {
        self.client = client
        self.mayWrite = mayWrite
    }

    /// The object with the status that we wrote last, if the store is still behind that write. The next status must
    /// follow from it: it keeps its times, and reports nothing twice.
    func newest<Spec>(_ object: CustomResource<Spec>) -> CustomResource<Spec> {
        guard let last = written.withLock({ $0[object.metadata.uid ?? ""] }),
            last.version > object.metadata.versionNumber ?? 0, let status = last.typed as? Spec.Status
        else { return object }
        var object = object
        object.status = status
        return object
    }

    func write<Spec>(_ status: Spec.Status, of object: CustomResource<Spec>) async throws(KubeError) {
        let current = try object.status.map { status throws(KubeError) in try Self.encode(status, of: object.metadata) }
        try await write(
            Self.encode(status, of: object.metadata), status, current: current ?? [:], of: object.metadata,
            type: Spec.resourceType)
    }

    /// For an object that does not fit its type, so that its status is not known. The last written status counts. If
    /// somebody has written since, the stored status is read first.
    func write(_ status: JSON, ofUnreadable metadata: ObjectMeta, type: ResourceType) async throws(KubeError) {
        let last = written.withLock { $0[metadata.uid ?? ""] }
        var current: JSON?
        if let last, let version = metadata.versionNumber, last.version < version {
            current = try await self.status(of: metadata, type)
            if current == status {
                return written.withLock { $0[metadata.uid ?? ""] = Written(version: version, status: status) }
            }
        }
        try await write(status, nil, current: current, of: metadata, type: type)
    }

    private func write(
        _ status: JSON, _ typed: (any CustomResourceStatus)?, current: JSON?, of metadata: ObjectMeta,
        type: ResourceType
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
            written.withLock { $0[uid] = Written(version: new, status: status, typed: typed) }
        } catch {
            if error.isNotFound || error.isNotServed { return }  // deleted meanwhile, or its kind was
            throw error
        }
    }

    /// The stored status of an object that does not fit its type. Empty if there is none.
    func status(of metadata: ObjectMeta, _ type: ResourceType) async throws(KubeError) -> JSON {
        do throws(KubeError) {
            return try await client.get(type, namespace: metadata.namespace, name: metadata.name)["status"] ?? [:]
        } catch {
            if error.isNotFound { return [:] }
            throw error
        }
    }

    func forget(_ metadata: ObjectMeta) { written.withLock { $0[metadata.uid ?? ""] = nil } }

    /// Drops the notes about objects that no longer exist. A write that was under way may be noted after `forget`.
    /// - Parameter uids: the UIDs of the existing objects.
    func retain(_ uids: Set<String>) { written.withLock { $0 = $0.filter { uids.contains($0.key) } } }

    /// Throws if the status can't be encoded, so that an empty one is never written instead.
    private static func encode(_ value: some Encodable, of metadata: ObjectMeta) throws(KubeError) -> JSON {
        do {
            return try JSON(encoding: value).shown
        } catch {
            throw KubeError(
                operation: "write the status of \(metadata.name)",
                cause: .unexpectedAnswer("it can't be encoded: \(error)"))
        }
    }
}
