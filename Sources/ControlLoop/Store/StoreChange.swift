import KubeObjects

/// A change of a `Store`, told after it is visible.
public struct StoreChange<Value: Sendable>: Sendable {
    public enum Kind: Sendable {
        case added(Value)
        case updated(old: Value, new: Value)
        /// With the last value that was kept.
        case deleted(Value)
    }
    /// Why the store was told. Whatever did not come from an event can yield to what did.
    public enum Origin: Sendable, Hashable {
        /// The first complete list: everything is `added`.
        case firstList
        /// A list that replaced the one before: objects that did not change are told as `updated` too.
        case relist
        /// A watch's event: somebody has just changed this object.
        case event
    }
    public var key: ObjectKey
    public var kind: Kind
    public var origin: Origin

    public init(key: ObjectKey, kind: Kind, origin: Origin) {
        self.key = key
        self.kind = kind
        self.origin = origin
    }

    /// Nil after a deletion.
    public var value: Value? {
        switch kind {
        case .added(let value), .updated(_, let value): value
        case .deleted: nil
        }
    }

    /// After a deletion, what was there before.
    public var lastValue: Value {
        switch kind {
        case .added(let value), .updated(_, let value), .deleted(let value): value
        }
    }
}

/// What a watcher tells its store.
public enum StoreUpdate<Value: Sendable>: Sendable {
    /// All at once: whatever is not in it is gone.
    case replace([ObjectKey: Value])
    case set(ObjectKey, Value)
    case remove(ObjectKey)
}
