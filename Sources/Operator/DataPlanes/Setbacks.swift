/// The namespaces of a data plane that failed for a cause which they may have in common: a webhook that is away, a server
/// that answers 500 or 401. As a value.
///
/// Each waits for its backoff, which grows to a minute. So that all are in sync soon after the cause is gone, one of them is
/// tried with each probe; when one goes well, the others follow at once.
struct Setbacks: Sendable {
    /// In the order in which they failed last. What has left `failed`, or failed again since, is a leftover.
    private var line: [(name: String, turn: UInt64)] = []
    private var failed: [String: (turn: UInt64, isRefusal: Bool)] = [:]
    private var last: UInt64 = 0
    /// Those whose last write was on a connection that broke.
    private var lost: Set<String> = []

    /// - Parameter isRefusal: by a 401, which has patience as long as probes are answered well.
    mutating func failed(_ name: String, isRefusal: Bool) {
        last += 1
        failed[name] = (last, isRefusal)
        line.append((name, last))
        if line.count > 2 * failed.count + 16 { line = line.filter { failed[$0.name]?.turn == $0.turn } }
    }

    /// A connection broke with its write on it. True for the first time in a row: a server that ends connections in good
    /// order (GOAWAY) is no failure of anything, and the next try follows as soon as it is seen who answers.
    mutating func isFirstLoss(_ name: String) -> Bool { lost.insert(name).inserted }

    /// It failed for another cause, or is wanted no more.
    mutating func remove(_ name: String) {
        failed[name] = nil
        lost.remove(name)
    }

    /// It went well. The others that are worth a try now, where it is one of those that had failed.
    mutating func succeeded(_ name: String) -> [String] {
        lost.remove(name)
        guard let before = failed.removeValue(forKey: name), !before.isRefusal else { return [] }
        let others = failed.filter { !$0.value.isRefusal }.map(\.key)
        for name in others { failed[name] = nil }
        return others
    }

    /// Those that a 401 kept back.
    mutating func takeRefused() -> [String] {
        let refused = failed.filter { $0.value.isRefusal }.map(\.key)
        for name in refused { failed[name] = nil }
        return refused
    }

    /// The one that has waited longest since it was tried.
    mutating func next() -> String? {
        while let first = line.first {
            line.removeFirst()
            guard let entry = failed[first.name], entry.turn == first.turn, !entry.isRefusal else { continue }
            return first.name
        }
        return nil
    }
}
