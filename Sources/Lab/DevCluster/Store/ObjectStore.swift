import JSON
import KubeObjects
import Support

/// The objects of one cluster, in memory.
///
/// Its public functions give direct access, for system controllers and tests. They validate, default and authorize
/// nothing, but watches see every change. One counter numbers all changes, as in etcd.
public final class ObjectStore: Sendable {
    struct State: Sendable {
        var revision: Int64
        var compacted: Int64 = 0
        var collections: [GroupResource: ObjectCollection] = [:]
        var waiting: [GroupResource: [UInt64: CheckedContinuation<Void, Never>]] = [:]
        var nextWaiter: UInt64 = 0
    }
    let state: Locked<State>
    let clock: WallClock
    private let historyLimit: Int

    /// - Parameters:
    ///   - historyLimit: how many changes of each resource a watch can go back.
    ///   - initialRevision: the first resourceVersion. Nil makes it random, so that no test relies on a number.
    public init(clock: WallClock = .system, historyLimit: Int = 4096, initialRevision: Int64? = nil) {
        self.clock = clock
        self.historyLimit = max(1, historyLimit)
        state = Locked(State(revision: max(1, initialRevision ?? Int64.random(in: 1_000..<100_000))))
    }

    /// The revision of the latest change.
    public var revision: Int64 { state.withLock { $0.revision } }

    public func get(_ resource: GroupResource, namespace: String? = nil, name: String) -> JSON? {
        stored(resource, ObjectCollection.key(namespace: namespace, name: name))?.content.json
    }

    /// Sorted by namespace and name.
    public func list(_ resource: GroupResource, namespace: String? = nil) -> [JSON] {
        let bounds = ObjectCollection.bounds(namespace: namespace)
        let entries = state.withLock { $0.collections[resource]?.range(from: bounds.from, to: bounds.to) ?? [] }
        return entries.map { $0.object.content.json }
    }

    /// How many objects of the resource there are.
    public func count(_ resource: GroupResource) -> Int {
        state.withLock { $0.collections[resource]?.entries.count ?? 0 }
    }

    /// The resources that have had objects.
    public var resources: [GroupResource] { state.withLock { Array($0.collections.keys) } }

    /// Creates the object at the place that its `metadata` names. It fills in uid, creationTimestamp, generation (if
    /// there is a `spec`) and resourceVersion.
    @discardableResult
    public func create(_ resource: GroupResource, _ object: JSON) throws(StoreError) -> JSON {
        try write(resource, completed(object), expecting: .absent)
    }

    /// Creates or replaces the object.
    @discardableResult
    public func put(_ resource: GroupResource, _ object: JSON) -> JSON {
        let object = completed(object)
        // A write without an expectation can't fail.
        return (try? write(resource, object, expecting: nil)) ?? object
    }

    /// Reads, changes and writes, and does so again whenever another write was faster. If nothing changed, it writes
    /// nothing. If `body` returns false, the object stays as it is.
    @discardableResult
    public func update(
        _ resource: GroupResource, namespace: String? = nil, name: String, _ body: (inout JSON) -> Bool
    ) throws(StoreError) -> JSON {
        while true {
            guard let current = stored(resource, ObjectCollection.key(namespace: namespace, name: name)) else {
                throw .notFound
            }
            let before = current.content.json
            var after = before
            guard body(&after), after != before else { return before }
            do {
                return try write(resource, after, expecting: .revision(current.revision))
            } catch {
                if error != .conflict { throw error }
            }
        }
    }

    /// Removes the object at once, whatever its finalizers. Returns the last state, with the deletion's
    /// resourceVersion.
    @discardableResult
    public func delete(_ resource: GroupResource, namespace: String? = nil, name: String) -> JSON? {
        (try? remove(resource, ObjectCollection.key(namespace: namespace, name: name), expecting: nil, last: nil))
            ?? nil
    }

    /// Forgets the history. From now on older resourceVersions and continue tokens get 410.
    public func compact() {
        state.withLock { state in
            state.compacted = state.revision
            for resource in state.collections.keys { state.collections[resource]?.compact(through: state.revision) }
        }
    }

    private func completed(_ object: JSON) -> JSON {
        var object = object
        var metadata = object["metadata"] ?? [:]
        if metadata["uid"] == nil { metadata["uid"] = .string(UID.random()) }
        if metadata["creationTimestamp"] == nil {
            metadata["creationTimestamp"] = .string(Timestamp(clock.now).description)
        }
        if metadata["generation"] == nil, object["spec"] != nil, object["kind"]?.string != "Namespace" {
            metadata["generation"] = 1
        }
        object["metadata"] = metadata
        return object
    }
}

extension ObjectStore {
    /// The state on which a write was decided.
    enum Expectation {
        case absent
        case revision(Int64)
    }

    func stored(_ resource: GroupResource, _ key: String) -> StoredObject? {
        state.withLock { $0.collections[resource]?[key] }
    }

    /// Stores the object with the next revision, which its metadata gets.
    @discardableResult
    func write(_ resource: GroupResource, _ object: JSON, expecting: Expectation?) throws(StoreError) -> JSON {
        let metadata = object["metadata"]
        let key = ObjectCollection.key(namespace: metadata?["namespace"]?.string, name: metadata?["name"]?.string ?? "")
        let (written, waiting) = try state.withLock {
            state throws(StoreError) -> (JSON, [CheckedContinuation<Void, Never>]) in
            let current = state.collections[resource]?[key]
            switch expecting {
            case .absent: if current != nil { throw .alreadyExists }
            case .revision(let revision):
                guard let current else { throw .notFound }
                if current.revision != revision { throw .conflict }
            case nil: break
            }
            state.revision += 1
            let object = object.with(resourceVersion: state.revision)
            state.collections[resource, default: ObjectCollection()].set(
                key, StoredObject(revision: state.revision, content: CompactJSON(object)), limit: historyLimit)
            return (object, state.takeWaiting(for: resource))
        }
        for continuation in waiting { continuation.resume() }
        return written
    }

    /// - Parameter last: the object that the deletion shows. Nil shows it as it was stored.
    @discardableResult
    func remove(_ resource: GroupResource, _ key: String, expecting: Expectation?, last: JSON?) throws(StoreError)
        -> JSON?
    {
        let (removed, waiting) = try state.withLock {
            state throws(StoreError) -> (JSON?, [CheckedContinuation<Void, Never>]) in
            guard let current = state.collections[resource]?[key] else {
                if expecting != nil { throw .notFound }
                return (nil, [])
            }
            if case .revision(let revision) = expecting, current.revision != revision { throw .conflict }
            state.revision += 1
            let last = (last ?? current.content.json).with(resourceVersion: state.revision)
            state.collections[resource]?.remove(
                key, last: StoredObject(revision: state.revision, content: CompactJSON(last)), limit: historyLimit)
            return (last, state.takeWaiting(for: resource))
        }
        for continuation in waiting { continuation.resume() }
        return removed
    }
}

extension ObjectStore.State {
    mutating func takeWaiting(for resource: GroupResource) -> [CheckedContinuation<Void, Never>] {
        guard let waiting = waiting.removeValue(forKey: resource) else { return [] }
        return Array(waiting.values)
    }
}

extension JSON {
    func with(resourceVersion: Int64) -> JSON {
        var copy = self
        var metadata = copy["metadata"] ?? [:]
        copy["metadata"] = nil
        metadata["resourceVersion"] = .string(String(resourceVersion))
        copy["metadata"] = metadata
        return copy
    }
}
