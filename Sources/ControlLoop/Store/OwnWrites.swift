/// Our own writes that a watch has not shown yet: the overlay on a store that is behind them.
///
/// The answer to a write usually comes before the watch reports the same write. Until the watch has come to the version of
/// that answer, the answer is newer than what the watch shows. (resourceVersions compare as numbers. Kubernetes documents that
/// from 1.35 on, and it holds for every earlier server.)
public struct OwnWrites<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Write: Sendable {
        var version: UInt64
        var value: Value
    }
    private var writes: [Key: Write] = [:]

    public init() {}

    /// The server has answered a write with this version. Nil counts as the oldest version.
    public mutating func wrote(_ value: Value, _ key: Key, version: UInt64?) {
        writes[key] = Write(version: version ?? 0, value: value)
    }

    /// The watch has shown this version, so it alone counts for writes up to it.
    public mutating func shown(_ key: Key, version: UInt64?) {
        guard let write = writes[key], write.version <= version ?? 0 else { return }
        writes[key] = nil
        // After a burst, an empty table would keep its size.
        if writes.isEmpty, writes.capacity > 16 { writes = [:] }
    }

    /// Our write, if it is newer than the version that the watch shows. Nil if what the watch shows is the newest.
    public func newer(_ key: Key, than version: UInt64?) -> Value? {
        guard let write = writes[key], write.version > version ?? 0 else { return nil }
        return write.value
    }

    /// The same, and forgets a write that the watch has shown.
    public mutating func newest(_ key: Key, shown version: UInt64?) -> Value? {
        shown(key, version: version)
        return writes[key]?.value
    }

    /// The last write that is kept, whatever the watch shows.
    public func last(_ key: Key) -> (value: Value, version: UInt64)? { writes[key].map { ($0.value, $0.version) } }
    public var values: some Sequence<Value> { writes.values.lazy.map(\.value) }

    /// Forgets all writes but these.
    public mutating func retain(where isKept: (Key) -> Bool) {
        writes = writes.filter { isKept($0.key) }
    }
}
