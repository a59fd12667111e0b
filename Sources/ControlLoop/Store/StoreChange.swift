import KubeObjects

/// A change of a `Store`. Handlers are told after it is visible.
public struct StoreChange<Value: Sendable>: Sendable {
    public enum Kind: Sendable {
        case added(Value)
        case updated(old: Value, new: Value)
        /// The object was deleted; the last kept value.
        case deleted(Value)
    }
    /// The origin of the change. Changes from lists can wait for changes from watch events.
    public enum Origin: Sendable, Hashable {
        /// The first complete list. Every object is `added`.
        case firstList
        /// A list that replaced the one before. Objects that did not change are `updated` too.
        case relist
        /// A watch event. This object has just changed.
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

    /// The value; after a deletion, the value before it.
    public var lastValue: Value {
        switch kind {
        case .added(let value), .updated(_, let value), .deleted(let value): value
        }
    }
}

/// What a watcher tells its store.
public enum StoreUpdate<Value: Sendable>: Sendable {
    /// All objects at once. An object that is not in it is gone.
    case replace([ObjectKey: Value])
    case set(ObjectKey, Value)
    case remove(ObjectKey)
}
