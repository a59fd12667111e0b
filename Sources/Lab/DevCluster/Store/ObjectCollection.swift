/// An object at one revision. Copies share the bytes.
struct StoredObject: Sendable {
    let revision: Int64
    let content: CompactJSON
}

/// One change, as the history keeps it.
struct StoredChange: Sendable {
    let revision: Int64
    let key: String
    let kind: StoreChange.Kind
    /// The object after the change. For a deletion it is the last state, with the deletion's revision.
    let object: StoredObject
    let previous: StoredObject?
}

/// The objects of one resource, sorted by key, and its latest changes.
///
/// The key is `namespace/name`, or `name` for cluster-scoped objects: etcd's order.
struct ObjectCollection: Sendable {
    struct Entry: Sendable {
        let key: String
        var object: StoredObject
    }
    private(set) var entries: [Entry] = []
    private(set) var history: ArraySlice<StoredChange> = []
    /// The latest revision whose change is no longer in the history.
    private(set) var floor: Int64 = 0

    static func key(namespace: String?, name: String) -> String {
        if let namespace, !namespace.isEmpty { namespace + "/" + name } else { name }
    }

    /// The half-open range of the keys of one namespace: "0" follows "/".
    static func bounds(namespace: String?) -> (from: String, to: String?) {
        if let namespace, !namespace.isEmpty { (namespace + "/", namespace + "0") } else { ("", nil) }
    }

    /// The first index whose key is not before `key`.
    func index(notBefore key: String) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    subscript(key: String) -> StoredObject? {
        let index = index(notBefore: key)
        return index < entries.count && entries[index].key == key ? entries[index].object : nil
    }

    func range(from: String, to: String?) -> ArraySlice<Entry> {
        let start = index(notBefore: from)
        let end = to.map { index(notBefore: $0) } ?? entries.count
        return start < end ? entries[start..<end] : []
    }

    /// The content of `range` at an earlier revision. Nil if the history does not reach back that far.
    func range(from: String, to: String?, at revision: Int64) -> [Entry]? {
        guard revision >= floor else { return nil }
        let later = changes(after: revision)
        let now = range(from: from, to: to)
        if later.isEmpty { return Array(now) }
        var past = Dictionary(now.map { ($0.key, $0.object) }, uniquingKeysWith: { first, _ in first })
        for change in later.reversed() where change.key >= from && (to.map { change.key < $0 } ?? true) {
            past[change.key] = change.previous
        }
        return past.map { Entry(key: $0.key, object: $0.value) }.sorted { $0.key < $1.key }
    }

    func changes(after revision: Int64) -> ArraySlice<StoredChange> {
        var (low, high) = (history.startIndex, history.endIndex)
        while low < high {
            let middle = (low + high) / 2
            if history[middle].revision <= revision { low = middle + 1 } else { high = middle }
        }
        return history[low...]
    }

    mutating func set(_ key: String, _ object: StoredObject, limit: Int) {
        let index = index(notBefore: key)
        var previous: StoredObject?
        if index < entries.count, entries[index].key == key {
            previous = entries[index].object
            entries[index].object = object
        } else {
            entries.insert(Entry(key: key, object: object), at: index)
        }
        record(
            StoredChange(
                revision: object.revision, key: key, kind: previous == nil ? .added : .modified, object: object,
                previous: previous),
            limit: limit)
    }

    /// `last` is the object's last state, at the revision of its deletion.
    mutating func remove(_ key: String, last: StoredObject, limit: Int) {
        let index = index(notBefore: key)
        guard index < entries.count, entries[index].key == key else { return }
        let previous = entries.remove(at: index).object
        record(
            StoredChange(revision: last.revision, key: key, kind: .deleted, object: last, previous: previous),
            limit: limit)
    }

    private mutating func record(_ change: StoredChange, limit: Int) {
        history.append(change)
        // It drops a quarter at a time, since dropping one by one would copy the history at every change.
        if history.count > limit + limit / 4 {
            let kept = history.suffix(limit)
            floor = history[kept.startIndex - 1].revision
            history = ArraySlice(Array(kept))
        }
    }

    /// Forgets everything up to and including `revision`.
    mutating func compact(through revision: Int64) {
        floor = max(floor, revision)
        history = ArraySlice(Array(changes(after: revision)))
    }
}
