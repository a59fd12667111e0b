import Fleet
import Support

/// How far each wanted namespace of one data plane is.
final class NamespaceProgressBoard: Sendable {
    enum Progress: Sendable, Hashable {
        case pending
        case synced
        case failed([ObjectFailure])
    }
    fileprivate struct State {
        var namespaces: [String: Progress] = [:]
        var synced = 0
        var failed: Set<String> = []
        var lastComplete: Instant?
    }
    private let state = Locked(State())
    private let wallClock: WallClock

    init(wallClock: WallClock = .system) { self.wallClock = wallClock }

    /// Takes in what is new and lets go of what isn't wanted any more.
    func replace(with wanted: Set<String>) {
        state.withLock { state in
            for name in state.namespaces.keys where !wanted.contains(name) { state.set(name, nil) }
            for name in wanted where state.namespaces[name] == nil { state.set(name, .pending) }
        }
    }

    func pending(_ names: Set<String>) {
        state.withLock { state in
            for name in names { state.set(name, .pending) }
        }
    }

    /// True where that is news.
    func set(_ name: String, _ progress: Progress) -> Bool {
        state.withLock { state in
            guard let before = state.namespaces[name], before != progress else { return false }
            state.set(name, progress)
            if progress == .synced, state.synced == state.namespaces.count { state.lastComplete = wallClock.now }
            return true
        }
    }

    var unsynced: [String] { state.withLock { $0.namespaces.filter { $0.value != .synced }.map(\.key) } }

    var hasPending: Bool { pendingCount > 0 }
    var pendingCount: Int { state.withLock { $0.namespaces.count - $0.synced - $0.failed.count } }

    func isSynced(_ name: String) -> Bool { state.withLock { $0.namespaces[name] == .synced } }

    subscript(name: String) -> Progress? { state.withLock { $0.namespaces[name] } }

    /// What earlier attempts on this object came to.
    func failure(of object: String, in name: String) -> FailureEntry? {
        guard case .failed(let failures)? = self[name] else { return nil }
        return failures.first { $0.entry.object == object }?.entry
    }

    /// When the last namespace that was not in sync came to be so, last time; nil before that has ever been.
    var lastComplete: Instant? { state.withLock { $0.lastComplete } }

    var counts: NamespaceCounts {
        state.withLock {
            NamespaceCounts(desired: $0.namespaces.count, synced: $0.synced, failed: $0.failed.count)
        }
    }

    /// As a status shows them: oldest first, at most `limit`.
    func failures(limit: Int) -> [FailureEntry] {
        let all = state.withLock { state in
            state.failed.flatMap { name -> [FailureEntry] in
                if case .failed(let failures)? = state.namespaces[name] { failures.map(\.shown) } else { [] }
            }
        }
        return Array(all.sorted().prefix(limit))
    }
}

extension NamespaceProgressBoard.State {
    fileprivate mutating func set(_ name: String, _ progress: NamespaceProgressBoard.Progress?) {
        if namespaces[name] == .synced { synced -= 1 }
        failed.remove(name)
        namespaces[name] = progress
        switch progress {
        case .synced: synced += 1
        case .failed: failed.insert(name)
        case .pending, nil: break
        }
    }
}
