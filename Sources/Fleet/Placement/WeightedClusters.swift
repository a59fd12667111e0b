/// The clusters that one label draws from: flytestdlib's `WeightedRandomList` (v1.16.8), with its float32 sums.
public struct WeightedClusters: Sendable, Hashable {
    private var entries: [(id: String, runningSum: Float)]
    private var total: Float

    /// The weights that flyteadmin starts with. Others would make its sums infinite or NaN.
    static func isPossible(_ weight: Double) -> Bool { (0...1).contains(weight) }

    /// Nil if there is nothing to draw from, or if a weight is not possible.
    public init?(_ weights: [(id: String, weight: Double)]) {
        guard !weights.isEmpty, weights.allSatisfy({ Self.isPossible($0.weight) }) else { return nil }
        // Go compares strings by their bytes.
        let sorted = weights.sorted { $0.id.utf8.lexicographicallyPrecedes($1.id.utf8) }
        let sum = sorted.reduce(Float(0)) { $0 + Float($1.weight) }
        entries = []
        total = 0
        for (id, weight) in sorted {
            // If no entry has a weight, all get the same. Otherwise entries without a weight are left out.
            if sum == 0 { total += 1 / Float(sorted.count) } else if Float(weight) == 0 { continue }
            total += Float(weight)
            entries.append((id, total))
        }
    }

    /// In the order of the draw.
    public var ids: [String] { entries.map(\.id) }

    /// The cluster for an execution with this name.
    public func cluster(forExecution name: String) -> String {
        var random = GoRandom(seed: GoRandom.seed(name))
        return cluster(at: random.float32())
    }

    func cluster(at point: Float) -> String {
        let x = point * total
        return (entries.first { $0.runningSum >= x && $0.runningSum > 0 } ?? entries[entries.count - 1]).id
    }

    public static func == (left: WeightedClusters, right: WeightedClusters) -> Bool {
        left.total == right.total && left.entries.elementsEqual(right.entries) { $0 == $1 }
    }
    public func hash(into hasher: inout Hasher) { for entry in entries { hasher.combine(entry.id) } }
}
