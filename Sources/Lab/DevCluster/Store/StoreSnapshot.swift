import Support

/// The content of a store at one moment, to restart a server with its data. It shares the objects' bytes with the
/// store.
public struct StoreSnapshot: Sendable {
    fileprivate let revision: Int64
    fileprivate let compacted: Int64
    fileprivate let collections: [GroupResource: ObjectCollection]
}

extension ObjectStore {
    public func snapshot() -> StoreSnapshot {
        state.withLock {
            StoreSnapshot(revision: $0.revision, compacted: $0.compacted, collections: $0.collections)
        }
    }

    /// Goes back to a snapshot. As with a restored etcd backup, resourceVersions are given out again. Watches don't
    /// take back what they have shown since, so end them first.
    public func restore(_ snapshot: StoreSnapshot) {
        state.withLock { state in
            state.revision = snapshot.revision
            state.compacted = snapshot.compacted
            state.collections = snapshot.collections
        }
    }
}
