/// Many clusters in one process.
public final class DevFleet: Sendable {
    /// In the order of the names.
    public let clusters: [DevCluster]
    private let byName: [String: DevCluster]

    /// Starts them side by side. With a port in the options the first server gets it, and each other one the next port.
    public static func start(_ names: [String], options: DevCluster.Options = DevCluster.Options()) async throws
        -> DevFleet
    {
        var started: [DevCluster?] = Array(repeating: nil, count: names.count)
        try await withThrowingTaskGroup(of: (Int, DevCluster).self) { group in
            for (index, name) in names.enumerated() {
                var own = options
                if options.port != 0 { own.port = options.port + index }
                own.seed = options.seed &+ UInt64(index)
                let settled = own
                group.addTask { (index, try await DevCluster.start(name: name, options: settled)) }
            }
            for try await (index, cluster) in group { started[index] = cluster }
        }
        return DevFleet(started.compactMap { $0 })
    }

    private init(_ clusters: [DevCluster]) {
        self.clusters = clusters
        byName = Dictionary(clusters.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    public subscript(name: String) -> DevCluster? { byName[name] }

    public func stop() async {
        await withDiscardingTaskGroup { group in
            for cluster in clusters { group.addTask { await cluster.stop() } }
        }
    }
}
