import Fleet
import Support
import Testing

@testable import DataPlaneAgent

@Suite("What is known of a data plane's namespaces")
struct SyncProgressTests {
    private func failure(_ namespace: String, since: Double, after: FailureEntry? = nil) -> ObjectFailure {
        ObjectFailure(
            FailureEntry.next(
                after: after, namespace: namespace, object: "namespaces/\(namespace)", reason: .serverError,
                message: "500", now: Instant(secondsSince1970: since)), nextTry: .within(.seconds(2)))
    }

    private func set(
        _ progress: SyncProgress, _ name: String, _ result: SyncProgress.Progress
    ) -> SyncProgress.News {
        progress.set(name, result, progress.ticket(for: name))
    }

    @Test("A run that is out of date does not make its namespace synced")
    func outdated() {
        let progress = SyncProgress()
        progress.replace(with: ["a"])
        let old = progress.ticket(for: "a")
        progress.pending(["a"])
        #expect(progress.set("a", .synced, old) == .outdated)
        #expect(progress["a"] == .pending && progress.counts.synced == 0)
        let failed = SyncProgress.Progress.failed([failure("a", since: 1)])
        #expect(progress.set("a", failed, old) == .outdated, "what failed may not fail any more")
        let new = progress.ticket(for: "a")
        #expect(progress.set("a", .synced, new) == .news)
        #expect(progress.set("a", .synced, new) == .none)
        progress.replace(with: [])
        progress.replace(with: ["a"])
        #expect(progress.set("a", .synced, new) == .outdated, "it went and came back meanwhile")
    }

    @Test("Copies in place are counted, also where something else of the namespace failed")
    func copies() {
        let progress = SyncProgress()
        progress.replace(with: ["a", "b", "c", "d"])
        func failed(_ namespace: String, _ object: String) -> SyncProgress.Progress {
            let entry = FailureEntry.next(
                after: nil, namespace: namespace, object: object, reason: .invalid, message: "422",
                now: Instant(secondsSince1970: 1))
            return .failed([ObjectFailure(entry, nextTry: .within(.seconds(2)))])
        }
        _ = set(progress, "a", .synced)
        _ = set(progress, "b", failed("b", "secrets/one"))
        _ = set(progress, "c", failed("c", "namespaces/c"))
        let copies = progress.copies(of: ["secrets/one", "secrets/two"])
        #expect(copies == ReplicationCounts(desired: 8, synced: 3))
        #expect(progress.copies(of: []) == ReplicationCounts(desired: 0, synced: 0))
    }

    @Test("Failures are bounded, oldest first; one that goes on keeps since and counts")
    func failures() {
        let progress = SyncProgress()
        let names = (0..<40).map { "n\($0)" }
        progress.replace(with: Set(names))
        for (index, name) in names.enumerated() {
            _ = set(progress, name, .failed([failure(name, since: Double(1_000 - index))]))
        }
        #expect(progress.report(failures: 16).failures.map(\.namespace) == names.reversed().prefix(16).map { $0 })
        let first = progress.report(failures: 1).failures[0]
        #expect(set(progress, "n39", .failed([failure("n39", since: 5_000, after: first)])) == .details)
        #expect(progress.report(failures: 1).failures == [first], "attempts alone don't cause another status")
        #expect(progress.report(failures: 30).failures.contains(first), "a longer list shows the same ones")
        progress.showDetails()
        let again = progress.report(failures: 1).failures[0]
        #expect(again.since == first.since && again.attempts == 2)
        #expect(again.message == "500; next try within 2 s")
        #expect(progress.counts.failed == 40)
        #expect(set(progress, "n39", .synced) == .news)
        #expect(progress.report(failures: 16).failures.first?.namespace == "n38")
        #expect(progress.counts.failed == 39 && progress.counts.synced == 1)
    }

    @Test("Planned work is neither pending nor in sync; all three together are the plan")
    func planned() {
        let progress = SyncProgress()
        progress.replace(with: ["a", "b", "c"])
        func change(_ name: String, _ action: PlannedChange.Action, _ fields: [String] = []) -> PlannedChange {
            PlannedChange(namespace: name, object: "namespaces/\(name)", action: action, fields: fields)
        }
        _ = set(progress, "a", .synced)
        #expect(set(progress, "b", .planned([change("b", .change, [".x"])], [])) == .news)
        #expect(set(progress, "b", .planned([change("b", .change, [".y"])], [])) == .news)
        #expect(progress.pendingCount == 1 && progress.counts == NamespaceCounts(desired: 3, synced: 1, failed: 0))
        #expect(set(progress, "c", .planned([change("c", .conflict)], [failure("c", since: 1)])) == .news)
        #expect(progress.pendingCount == 0 && progress.counts == NamespaceCounts(desired: 3, synced: 1, failed: 1))
        let planned = progress.report(plans: true).planned
        #expect(planned?.change == 1 && planned?.conflict == 1 && planned?.examples.count == 2)
        #expect(progress.report(failures: 16).failures.count == 1 && progress.report().failuresTotal == 1)
        _ = set(progress, "b", .synced)
        progress.pending(["c"])
        #expect(progress.report(plans: true).planned == PlannedChanges() && progress.pendingCount == 1)
    }

    @Test("It tells when all came to be in sync, last time that they did")
    func lastComplete() {
        let now = Locked(100.0)
        let progress = SyncProgress(wallClock: WallClock { Instant(secondsSince1970: now.withLock { $0 }) })
        progress.replace(with: ["a", "b"])
        _ = set(progress, "a", .synced)
        #expect(progress.lastComplete == nil)
        _ = set(progress, "b", .synced)
        now.withLock { $0 = 200 }
        _ = set(progress, "b", .synced)
        progress.pending(["a"])
        #expect(progress.lastComplete == Instant(secondsSince1970: 100))
        _ = set(progress, "a", .synced)
        #expect(progress.lastComplete == Instant(secondsSince1970: 200))
    }
}
