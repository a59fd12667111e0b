/// The namespaces of a data plane that failed for a cause that they may share, for example a missing webhook, or a
/// server that answers 500 or 401. As a value.
///
/// Each waits for its backoff, which grows to a minute. To be in sync soon after the cause is gone, one of them is
/// tried with each probe. When it succeeds, the others follow at once.
struct Setbacks: Sendable {
    /// In the order of their last failures. An entry is a leftover if its namespace has left `failed` or has failed
    /// again since.
    private var line: [(name: String, turn: UInt64)] = []
    private var failed: [String: (turn: UInt64, isRefusal: Bool)] = [:]
    private var last: UInt64 = 0
    /// The namespaces whose last write was on a connection that broke.
    private var lost: Set<String> = []

    /// - Parameter isRefusal: the failure was a 401, which can wait while probes succeed.
    mutating func failed(_ name: String, isRefusal: Bool) {
        last += 1
        failed[name] = (last, isRefusal)
        line.append((name, last))
        if line.count > 2 * failed.count + 16 { line = line.filter { failed[$0.name]?.turn == $0.turn } }
    }

    /// A connection broke with the namespace's write on it. True for the first time in a row: a server may close
    /// connections in good order (GOAWAY), which is not a failure. The next attempt follows as soon as a probe has seen
    /// the server.
    mutating func isFirstLoss(_ name: String) -> Bool { lost.insert(name).inserted }

    /// Forgets a namespace that failed for another cause, or that the plan no longer wants.
    mutating func remove(_ name: String) {
        failed[name] = nil
        lost.remove(name)
    }

    /// It succeeded. If it had failed before, returns the others that can be tried now.
    mutating func succeeded(_ name: String) -> [String] {
        lost.remove(name)
        guard let before = failed.removeValue(forKey: name), !before.isRefusal else { return [] }
        let others = failed.filter { !$0.value.isRefusal }.map(\.key)
        for name in others { failed[name] = nil }
        return others
    }

    /// Removes and returns those that a 401 held back.
    mutating func takeRefused() -> [String] {
        let refused = failed.filter { $0.value.isRefusal }.map(\.key)
        for name in refused { failed[name] = nil }
        return refused
    }

    /// The namespace whose last attempt is the longest ago.
    mutating func next() -> String? {
        while let first = line.first {
            line.removeFirst()
            guard let entry = failed[first.name], entry.turn == first.turn, !entry.isRefusal else { continue }
            return first.name
        }
        return nil
    }
}
