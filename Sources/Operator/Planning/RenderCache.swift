import DataPlaneAgent
import Support

/// The namespaces that were rendered last, for all data planes together. Data planes with the same templates and values
/// need the same content at about the same time. Each needs it again at each answer and each watch event.
///
/// While a namespace is rendered, others that need the same content wait for it and don't render it too.
final class RenderCache: Sendable {
    /// Everything that the rendered content depends on.
    struct Key: Sendable, Hashable {
        /// `DataPlanePlan.common`.
        var common: UInt64
        /// The namespace's own number in `DataPlanePlan.namespaces`.
        var own: UInt64
        var namespace: String
    }
    private struct Shard {
        var contents: [Key: DataPlanePlan.Content] = [:]
        /// A ring of the keys in `contents`.
        var keys: [Key] = []
        var oldest = 0
    }
    private let capacity: Int
    private let shards: [Locked<Shard>]

    /// - Parameters:
    ///   - capacity: the namespaces of one shard. A namespace of the usual templates takes some 10 KB.
    ///   - shards: how many namespaces can be rendered at once.
    init(capacity: Int = 32, shards: Int = 16) {
        self.capacity = capacity
        self.shards = (0..<shards).map { _ in Locked(Shard()) }
    }

    func content(_ key: Key, _ render: () -> DataPlanePlan.Content) -> DataPlanePlan.Content {
        let shard = shards[Int(UInt(bitPattern: key.namespace.hashValue) % UInt(shards.count))]
        return shard.withLock { shard in
            if let known = shard.contents[key] { return known }
            let content = render()
            shard.contents[key] = content
            if shard.keys.count < capacity {
                shard.keys.append(key)
            } else {
                shard.contents[shard.keys[shard.oldest]] = nil
                shard.keys[shard.oldest] = key
                shard.oldest = (shard.oldest + 1) % capacity
            }
            return content
        }
    }

    /// Drops everything, since without work it only takes memory. Returns how many namespaces it held.
    @discardableResult
    func removeAll() -> Int {
        shards.reduce(0) { count, shard in
            count
                + shard.withLock { shard in
                    defer { shard = Shard() }
                    return shard.contents.count
                }
        }
    }
}
