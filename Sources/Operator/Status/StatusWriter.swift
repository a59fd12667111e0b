import ControlLoop
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
        var status: JSON
        /// The same as the object's own type. Nil if it was not known.
        var typed: (any CustomResourceStatus)?
    }
    let client: KubeClient
    let mayWrite: @Sendable () -> Bool
    private struct State {
        /// By UID. A write stays here after the watch has shown it: the objects of a plan are older (`newest`).
        var written = OwnWrites<String, Written>()
        /// The hashes of the statuses that were sent last, by UID. A watch may show a write before its answer comes.
        var sent: [String: Int] = [:]
    }
    private let state = Locked(State())

    init(client: KubeClient, mayWrite: @escaping @Sendable () -> Bool) {
        self.client = client
        self.mayWrite = mayWrite
    }

    /// The object with the status that we wrote last, if the store is still behind that write. The next status must
    /// follow from it: it keeps its times, and reports nothing twice.
    func newest<Spec>(_ object: CustomResource<Spec>) -> CustomResource<Spec> {
        let metadata = object.metadata
        let own = state.withLock { $0.written.newer(metadata.uid ?? "", than: metadata.versionNumber) }
        guard let status = own?.typed as? Spec.Status else { return object }
        var object = object
        object.status = status
        return object
    }

    /// Whether the watch shows the status that we sent last, and not one that somebody else has written or changed.
    func isOwnWrite<Spec>(_ object: CustomResource<Spec>) -> Bool {
        let hash = object.status?.hashValue
        return hash != nil && state.withLock { $0.sent[object.metadata.uid ?? ""] } == hash
    }

    func write<Spec>(_ status: Spec.Status, of object: CustomResource<Spec>) async throws(KubeError) {
        // Most reconciliations find nothing new. Two statuses of one type are compared faster than their JSON.
        if newest(object).status == status { return }
        let current = try object.status.map { status throws(KubeError) in try Self.encode(status, of: object.metadata) }
        try await write(
            Self.encode(status, of: object.metadata), status, current: current ?? [:], of: object.metadata,
            type: Spec.resourceType)
    }

    /// Writes the status of an object that does not fit its type, so that its status is not known. The last written one
    /// counts. If somebody has written since, the stored status is read first.
    func write(_ status: JSON, ofUnreadable metadata: ObjectMeta, type: ResourceType) async throws(KubeError) {
        let uid = metadata.uid ?? ""
        let last = state.withLock { $0.written.last(uid) }
        var current: JSON?
        if let last, let version = metadata.versionNumber, last.version < version {
            current = try await self.status(of: metadata, type)
            if current == status {
                return state.withLock { $0.written.wrote(Written(status: status), uid, version: version) }
            }
        }
        try await write(status, nil, current: current, of: metadata, type: type)
    }

    private func write(
        _ status: JSON, _ typed: (any CustomResourceStatus)?, current: JSON?, of metadata: ObjectMeta,
        type: ResourceType
    ) async throws(KubeError) {
        let uid = metadata.uid ?? ""
        let last = state.withLock { state in
            // While the stored status is not known, the last one written counts.
            current == nil ? state.written.last(uid)?.value : state.written.newest(uid, shown: metadata.versionNumber)
        }
        guard status != (last?.status ?? current), mayWrite() else { return }
        state.withLock { $0.sent[uid] = typed?.hashValue }
        do throws(KubeError) {
            let answer = try await client.applyStatus(
                status, type: type, namespace: metadata.namespace, name: metadata.name,
                fieldManager: Ownership.fieldManager)
            state.withLock {
                $0.written.wrote(Written(status: status, typed: typed), uid, version: answer.versionNumber)
            }
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

    /// Drops the notes about deleted objects.
    /// - Parameter uids: the UIDs of the existing objects.
    func retain(_ uids: Set<String>) {
        state.withLock { state in
            state.written.retain { uids.contains($0) }
            state.sent = state.sent.filter { uids.contains($0.key) }
        }
    }

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
