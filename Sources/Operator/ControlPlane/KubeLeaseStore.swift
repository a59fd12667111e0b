import ControlLoop
import JSON
import Kube
import KubeObjects

/// The Lease of the leader election, at the control plane.
struct KubeLeaseStore: LeaseStore {
    let client: KubeClient
    let namespace: String
    let name: String

    func get() async throws(LeaseStoreError) -> VersionedLease? {
        do throws(KubeError) {
            return Self.versioned(try await client.get(Lease.self, namespace: namespace, name: name))
        } catch {
            if error.isNotFound { return nil }
            throw .failed(error.description)
        }
    }

    func create(_ record: LeaseRecord) async throws(LeaseStoreError) -> VersionedLease {
        let lease = Lease(metadata: ObjectMeta(name: name, namespace: namespace), spec: Self.spec(record))
        do throws(KubeError) {
            return Self.versioned(try await client.create(lease))
        } catch {
            if error.isAlreadyExists || error.isConflict { throw .conflict }
            throw .failed(error.description)
        }
    }

    func update(_ record: LeaseRecord, version: String) async throws(LeaseStoreError) -> VersionedLease {
        var metadata = ObjectMeta(name: name, namespace: namespace)
        metadata.resourceVersion = version
        do throws(KubeError) {
            return Self.versioned(
                try await client.replace(Lease(metadata: metadata, spec: Self.spec(record))))
        } catch {
            if error.isConflict { throw .conflict }
            if error.isNotFound { throw .missing }
            throw .failed(error.description)
        }
    }

    private static func versioned(_ lease: Lease) -> VersionedLease {
        let spec = lease.spec ?? Lease.Spec()
        return VersionedLease(
            record: LeaseRecord(
                holder: spec.holderIdentity ?? "", leaseDurationSeconds: Int(spec.leaseDurationSeconds ?? 0),
                acquireTime: spec.acquireTime, renewTime: spec.renewTime, transitions: Int(spec.leaseTransitions ?? 0)),
            version: lease.metadata.resourceVersion ?? "")
    }

    private static func spec(_ record: LeaseRecord) -> Lease.Spec {
        var spec = Lease.Spec()
        spec.holderIdentity = record.holder
        spec.leaseDurationSeconds = Int32(clamping: record.leaseDurationSeconds)
        spec.acquireTime = record.acquireTime
        spec.renewTime = record.renewTime
        spec.leaseTransitions = Int32(clamping: record.transitions)
        return spec
    }
}
