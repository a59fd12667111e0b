import Fleet
import Kube
import KubeObjects
import Support

/// The progress of each wanted namespace of one data plane.
final class SyncProgress: Sendable {
    enum Progress: Sendable, Hashable {
        case pending
        case synced
        case failed([ObjectFailure])
        /// In Observe: what would be written, and what could not be.
        case planned([PlannedChange], [ObjectFailure])

        var changes: [PlannedChange] { if case .planned(let changes, _) = self { changes } else { [] } }
        var failures: [ObjectFailure] {
            switch self {
            case .pending, .synced: []
            case .failed(let failures), .planned(_, let failures): failures
            }
        }
    }
    /// The ticket of one run. If another look at the namespace is asked for after the run took its ticket, the run
    /// compared with an old plan. Then its result is dropped.
    struct Ticket: Sendable, Hashable { fileprivate var number: UInt64 }

    fileprivate struct State {
        var namespaces: [String: Progress] = [:]
        /// The number of the last request for another look at each namespace; 0 if there was none.
        var calls: [String: UInt64] = [:]
        var lastCall: UInt64 = 0
        var synced = 0
        var pending = 0
        var failed: Set<String> = []
        /// The failures that a status shows. Nil if they must be collected again.
        var shown: [FailureEntry]?
        var lastComplete: Instant?
    }
    private let state = Locked(State())
    private let wallClock: WallClock

    init(wallClock: WallClock = .system) { self.wallClock = wallClock }

    /// Adds new namespaces and drops those that are no longer wanted.
    func replace(with wanted: Set<String>) {
        state.withLock { state in
            for name in state.namespaces.keys where !wanted.contains(name) {
                state.set(name, nil)
                state.calls[name] = nil
            }
            for name in wanted where state.namespaces[name] == nil { state.call(name) }
        }
    }

    /// A new plan drops some namespaces, and changes or adds others.
    func follow(gone: Set<String>, changed: Set<String>) {
        state.withLock { state in
            for name in gone {
                state.set(name, nil)
                state.calls[name] = nil
            }
            for name in changed { state.call(name) }
        }
    }

    /// The plan for these namespaces has changed, or the cluster may be another one. Earlier results don't count.
    func pending(_ names: Set<String>) {
        state.withLock { state in
            for name in names where state.namespaces[name] != nil { state.call(name) }
        }
    }

    /// Take the ticket before the run reads the plan of the namespace.
    func ticket(for name: String) -> Ticket { state.withLock { Ticket(number: $0.calls[name] ?? 0) } }

    /// Whether the run with that ticket has the present plan of the namespace.
    func isCurrent(_ ticket: Ticket, for name: String) -> Bool { self.ticket(for: name) == ticket }

    /// How much a result differs from the one before.
    enum News: Sendable, Hashable {
        case none
        /// The same objects fail for the same reasons. Only attempts, times and texts differ.
        case details
        case news
        /// The run began with an old plan. The namespace stays pending.
        case outdated
    }

    func set(_ name: String, _ progress: Progress, _ ticket: Ticket) -> News {
        state.withLock { state in
            guard let before = state.namespaces[name] else { return .none }
            guard state.calls[name] ?? 0 == ticket.number else { return .outdated }
            if before == progress { return .none }
            let (isAlike, shown) = (before.isAlike(progress), state.shown)
            state.set(name, progress)
            if isAlike { state.shown = shown }
            if state.pending == 0, state.failed.isEmpty { state.lastComplete = wallClock.now }
            return isAlike ? .details : .news
        }
    }

    var unsynced: [String] { state.withLock { $0.namespaces.filter { $0.value != .synced }.map(\.key) } }

    var hasPending: Bool { pendingCount > 0 }
    var pendingCount: Int { state.withLock { $0.pending } }

    func isSynced(_ name: String) -> Bool { state.withLock { $0.namespaces[name] == .synced } }

    subscript(name: String) -> Progress? { state.withLock { $0.namespaces[name] } }

    /// The last failure of this object.
    func failure(of object: String, in name: String) -> FailureEntry? {
        self[name]?.failures.first { $0.entry.object == object }?.entry
    }

    /// When the last missing namespace last came into sync. Nil if they were never all in sync.
    var lastComplete: Instant? { state.withLock { $0.lastComplete } }

    var counts: NamespaceCounts {
        state.withLock {
            NamespaceCounts(desired: $0.namespaces.count, synced: $0.synced, failed: $0.failed.count)
        }
    }

    /// Counts the objects in place among those that each namespace should have, by their names in failures. A namespace
    /// counts none until it has been looked at under the present plan.
    func copies(of objects: Set<String>) -> ReplicationCounts {
        if objects.isEmpty { return ReplicationCounts(desired: 0, synced: 0) }
        return state.withLock { state in
            let inFailed = state.failed.reduce(0) { $0 + (state.namespaces[$1]?.inPlace(objects) ?? 0) }
            return ReplicationCounts(
                desired: state.namespaces.count * objects.count, synced: state.synced * objects.count + inFailed)
        }
    }

    /// Everything at one moment.
    /// - Parameters:
    ///   - limit: how many failures are named, the oldest first. If only details of them change, they stay the same until
    ///     `showDetails`. Otherwise each written status would lead to the next one.
    ///   - plans: whether to collect what would be written.
    func report(failures limit: Int = 0, plans: Bool = false) -> ProgressReport {
        var (report, changes) = state.withLock { state in
            var report = ProgressReport()
            report.counts = NamespaceCounts(
                desired: state.namespaces.count, synced: state.synced, failed: state.failed.count)
            report.pending = state.pending
            report.lastComplete = state.lastComplete
            report.failuresTotal = state.failed.reduce(0) { $0 + (state.namespaces[$1]?.failures.count ?? 0) }
            if limit > 0 { report.failures = state.showFailures(limit) }
            return (report, plans ? state.namespaces.values.map(\.changes) : [])
        }
        if plans { report.planned = PlannedChanges(changes.flatMap { $0 }) }
        return report
    }

    /// Lets `report` collect the failures again.
    func showDetails() { state.withLock { $0.shown = nil } }
}

extension SyncProgress.Progress {
    /// How many of these objects are in place although something else in the namespace failed.
    fileprivate func inPlace(_ objects: Set<String>) -> Int {
        let failed = failures.map(\.entry.object)
        let wholeNamespace = Namespace.resourceType.description + "/"
        if failed.contains(where: { $0.isEmpty || $0.hasPrefix(wholeNamespace) }) { return 0 }
        return objects.subtracting(failed).count
    }

    fileprivate func isAlike(_ other: Self) -> Bool {
        switch (self, other) {
        case (.failed, .failed): break
        case (.planned(let mine, _), .planned(let theirs, _)) where mine == theirs: break
        default: return false
        }
        let (mine, theirs) = (failures, other.failures)
        return mine.count == theirs.count
            && zip(mine, theirs).allSatisfy {
                $0.entry.object == $1.entry.object && $0.entry.reason == $1.entry.reason
            }
    }
}

extension SyncProgress.State {
    /// As many failures as anybody asks for, so that a short list keeps what a longer one shows.
    private static let shownFailures = 200

    fileprivate mutating func showFailures(_ limit: Int) -> [FailureEntry] {
        let entries =
            shown
            ?? Array(
                failed.flatMap { (namespaces[$0]?.failures ?? []).map(\.shown) }.sorted().prefix(Self.shownFailures))
        shown = entries
        return Array(entries.prefix(limit))
    }

    fileprivate mutating func call(_ name: String) {
        lastCall += 1
        calls[name] = lastCall
        set(name, .pending)
    }

    fileprivate mutating func set(_ name: String, _ progress: SyncProgress.Progress?) {
        shown = nil
        if namespaces[name] == .synced { synced -= 1 }
        if namespaces[name] == .pending { pending -= 1 }
        failed.remove(name)
        namespaces[name] = progress
        switch progress {
        case .synced: synced += 1
        case .failed: failed.insert(name)
        case .planned(_, let failures): if !failures.isEmpty { failed.insert(name) }
        case .pending: pending += 1
        case nil: break
        }
    }
}
