import Kube
import KubeObjects
import Support

/// A Lease of an API server.
///
/// Give it a client of its own, without a rate limit, since a renewal that waits behind other requests loses the lease.
/// Our writes keep what others put on the Lease (labels, annotations, other fields of the spec).
public final class KubeLeaseStore: LeaseStore {
    private let client: KubeClient
    private let key: ObjectKey
    private let fieldManager: String
    /// The whole object as it was last read or written. An update writes it back.
    private let last = Locked<Lease?>(nil)

    public init(_ client: KubeClient, namespace: String, name: String, fieldManager: String = "squadron") {
        self.client = client
        self.fieldManager = fieldManager
        key = ObjectKey(namespace: namespace, name: name)
    }

    public func get() async throws(LeaseStoreError) -> VersionedLease? {
        do throws(KubeError) {
            return try keep(try await client.get(Lease.self, namespace: key.namespace, name: key.name))
        } catch {
            // A 404 that means that the server has no Leases at all does not mean that this Lease is missing.
            if error.isNotFound, !error.isNotServed { return nil }
            throw .failed(error.description)
        }
    }

    public func create(_ record: LeaseRecord) async throws(LeaseStoreError) -> VersionedLease {
        let lease = Lease(metadata: ObjectMeta(name: key.name, namespace: key.namespace), spec: Lease.Spec(record))
        do throws(KubeError) {
            return try keep(try await client.create(lease, fieldManager: fieldManager))
        } catch {
            throw error.isAlreadyExists || error.isConflict ? .conflict : .failed(error.description)
        }
    }

    public func update(_ record: LeaseRecord, version: String) async throws(LeaseStoreError) -> VersionedLease {
        // With another version than the kept one, the write could only fail.
        guard var lease = last.withLock({ $0 }), lease.metadata.resourceVersion == version else { throw .conflict }
        var spec = lease.spec ?? Lease.Spec()
        spec.set(record)
        lease.spec = spec
        // managedFields are not ours to write back, and they are large.
        lease.metadata.managedFields = nil
        do throws(KubeError) {
            return try keep(try await client.replace(lease, fieldManager: fieldManager))
        } catch {
            if error.isNotFound, !error.isNotServed { throw .missing }
            throw error.isConflict ? .conflict : .failed(error.description)
        }
    }

    private func keep(_ lease: Lease) throws(KubeError) -> VersionedLease {
        guard let version = lease.metadata.resourceVersion else {
            throw KubeError(operation: "read lease \(key)", cause: .unexpectedAnswer("no resourceVersion"))
        }
        last.withLock { $0 = lease }
        return VersionedLease(record: LeaseRecord(lease.spec ?? Lease.Spec()), version: version)
    }
}

extension LeaseRecord {
    init(_ spec: Lease.Spec) {
        self.init(
            holder: spec.holderIdentity ?? "", leaseDurationSeconds: Int(spec.leaseDurationSeconds ?? 0),
            acquireTime: spec.acquireTime, renewTime: spec.renewTime, transitions: Int(spec.leaseTransitions ?? 0))
    }
}

extension Lease.Spec {
    init(_ record: LeaseRecord) {
        self.init()
        set(record)
    }

    mutating func set(_ record: LeaseRecord) {
        holderIdentity = record.holder
        leaseDurationSeconds = Int32(clamping: record.leaseDurationSeconds)
        acquireTime = record.acquireTime
        renewTime = record.renewTime
        leaseTransitions = Int32(clamping: record.transitions)
    }
}
