import KubeObjects

/// The part of a coordination.k8s.io/v1 Lease that leader election reads and writes (`spec`).
public struct LeaseRecord: Sendable, Hashable {
    /// Empty if nobody holds it.
    public var holder: String
    public var leaseDurationSeconds: Int
    /// The time on the holder's calendar. It is for people, and never compared.
    public var acquireTime: MicroTimestamp?
    public var renewTime: MicroTimestamp?
    /// How often the holder has changed.
    public var transitions: Int

    public init(
        holder: String, leaseDurationSeconds: Int, acquireTime: MicroTimestamp?, renewTime: MicroTimestamp?,
        transitions: Int
    ) {
        self.holder = holder
        self.leaseDurationSeconds = leaseDurationSeconds
        self.acquireTime = acquireTime
        self.renewTime = renewTime
        self.transitions = transitions
    }
}

/// A record, and the resourceVersion at which it was read or written.
public struct VersionedLease: Sendable, Hashable {
    public var record: LeaseRecord
    public var version: String
    public init(record: LeaseRecord, version: String) {
        self.record = record
        self.version = version
    }
}

public enum LeaseStoreError: Error, Sendable, Hashable {
    /// The write met another write: the version is no longer current, or the Lease to be created exists.
    case conflict
    /// The Lease to be updated does not exist.
    case missing
    /// There was no answer, or a refusal. The write may or may not have happened.
    case failed(String)
}

/// One Lease. Writes are conditional; leader election needs nothing else of a server.
public protocol LeaseStore: Sendable {
    /// Nil if there is none.
    func get() async throws(LeaseStoreError) -> VersionedLease?
    func create(_ record: LeaseRecord) async throws(LeaseStoreError) -> VersionedLease
    /// Writes only if the Lease is still at `version`.
    func update(_ record: LeaseRecord, version: String) async throws(LeaseStoreError) -> VersionedLease
}
