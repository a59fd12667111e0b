import Support

/// When to ask flyteadmin what it still runs on a cluster: at once for a cluster that no longer gets new executions,
/// then at most once per interval. A pure value.
struct CountSchedule: Sendable {
    let interval: Duration
    private(set) var wanted: Set<String> = []
    /// The earliest time of the next question for each cluster. It is kept while a cluster is not wanted, so that
    /// cordoning it again and again does not cause more questions.
    private var next: [String: Duration] = [:]

    /// Only upwards, so that it never asks before the interval is over.
    static let spread = 1.0...1.1

    init(interval: Duration) { self.interval = interval }

    /// - Parameter age: the age of an earlier process's count.
    mutating func want(_ cluster: String, age: Duration?, now: Duration) {
        guard wanted.insert(cluster).inserted, next[cluster] == nil else { return }
        let rest = age.map { max(.zero, interval - max(.zero, $0)) } ?? .zero
        next[cluster] = now + max(Delay.coalescingForCounts, rest)
    }

    mutating func drop(_ cluster: String) { wanted.remove(cluster) }

    func due(_ now: Duration) -> [String] {
        wanted.filter { (next[$0] ?? .zero) <= now }.sorted()
    }

    /// When the first cluster is due, or the others that become due shortly after it. Nil if none is wanted.
    var wake: Duration? {
        let times = wanted.compactMap { next[$0] }
        guard let first = times.min() else { return nil }
        return times.filter { $0 <= first + Delay.coalescingForCounts }.max()
    }

    /// Call it also after a question that failed.
    mutating func asked(_ clusters: [String], _ now: Duration, using random: inout some RandomNumberGenerator) {
        let again = now + interval * Double.random(in: Self.spread, using: &random)
        for cluster in clusters { next[cluster] = again }
        next = next.filter { wanted.contains($0.key) || $0.value > now }
    }
}
