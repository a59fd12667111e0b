import Support

/// When flyteadmin is asked what it still runs on a cluster: at once for one that takes nothing new any more, then at most
/// once in each interval. A pure value.
struct CountSchedule: Sendable {
    let interval: Duration
    private(set) var wanted: Set<String> = []
    /// By cluster, the earliest moment of the next question. It stays while a cluster is not wanted: to cordon it, to let it
    /// go and to cordon it again makes no more questions.
    private var next: [String: Duration] = [:]

    /// Upwards only: it is never asked before the interval is over.
    static let spread = 1.0...1.1
    /// Those that come due within so long are asked for together.
    static let gathering = Duration.seconds(2)

    init(interval: Duration) { self.interval = interval }

    /// - Parameter age: of what an earlier process counted.
    mutating func want(_ cluster: String, age: Duration?, now: Duration) {
        guard wanted.insert(cluster).inserted, next[cluster] == nil else { return }
        let rest = age.map { max(.zero, interval - max(.zero, $0)) } ?? .zero
        next[cluster] = now + max(Self.gathering, rest)
    }

    mutating func drop(_ cluster: String) { wanted.remove(cluster) }

    func due(_ now: Duration) -> [String] {
        wanted.filter { (next[$0] ?? .zero) <= now }.sorted()
    }

    /// When one is due, or those that come due shortly after it. Nil: none is wanted.
    var wake: Duration? {
        let times = wanted.compactMap { next[$0] }
        guard let first = times.min() else { return nil }
        return times.filter { $0 <= first + Self.gathering }.max()
    }

    /// Also where the question failed.
    mutating func asked(_ clusters: [String], _ now: Duration, using random: inout some RandomNumberGenerator) {
        let again = now + interval * Double.random(in: Self.spread, using: &random)
        for cluster in clusters { next[cluster] = again }
        next = next.filter { wanted.contains($0.key) || $0.value > now }
    }
}
