import Fleet
import Support
import Testing

@testable import DataPlaneAgent

@Suite("What is known of a data plane's namespaces")
struct ProgressBoardTests {
    private func failure(_ namespace: String, since: Double, after: FailureEntry? = nil) -> ObjectFailure {
        ObjectFailure(
            FailureEntry.next(
                after: after, namespace: namespace, object: "namespaces/\(namespace)", reason: .serverError,
                message: "500", now: Instant(secondsSince1970: since)), nextTry: .within(.seconds(2)))
    }

    private func set(
        _ board: NamespaceProgressBoard, _ name: String, _ progress: NamespaceProgressBoard.Progress
    ) -> NamespaceProgressBoard.News {
        board.set(name, progress, board.ticket(for: name))
    }

    @Test("A run that is out of date does not make its namespace synced")
    func outdated() {
        let board = NamespaceProgressBoard()
        board.replace(with: ["a"])
        let old = board.ticket(for: "a")
        board.pending(["a"])
        #expect(board.set("a", .synced, old) == .outdated)
        #expect(board["a"] == .pending && board.counts.synced == 0)
        let failed = NamespaceProgressBoard.Progress.failed([failure("a", since: 1)])
        #expect(board.set("a", failed, old) == .outdated, "what failed may not fail any more")
        let new = board.ticket(for: "a")
        #expect(board.set("a", .synced, new) == .news)
        #expect(board.set("a", .synced, new) == .none)
        board.replace(with: [])
        board.replace(with: ["a"])
        #expect(board.set("a", .synced, new) == .outdated, "it went and came back meanwhile")
    }

    @Test("Copies in place are counted, also where something else of the namespace failed")
    func copies() {
        let board = NamespaceProgressBoard()
        board.replace(with: ["a", "b", "c", "d"])
        func failed(_ namespace: String, _ object: String) -> NamespaceProgressBoard.Progress {
            let entry = FailureEntry.next(
                after: nil, namespace: namespace, object: object, reason: .invalid, message: "422",
                now: Instant(secondsSince1970: 1))
            return .failed([ObjectFailure(entry, nextTry: .within(.seconds(2)))])
        }
        _ = set(board, "a", .synced)
        _ = set(board, "b", failed("b", "secrets/one"))
        _ = set(board, "c", failed("c", "namespaces/c"))
        let copies = board.copies(of: ["secrets/one", "secrets/two"])
        #expect(copies == ReplicationCounts(desired: 8, synced: 3))
        #expect(board.copies(of: []) == ReplicationCounts(desired: 0, synced: 0))
    }

    @Test("Failures are bounded, oldest first; one that goes on keeps since and counts")
    func failures() {
        let board = NamespaceProgressBoard()
        let names = (0..<40).map { "n\($0)" }
        board.replace(with: Set(names))
        for (index, name) in names.enumerated() {
            _ = set(board, name, .failed([failure(name, since: Double(1_000 - index))]))
        }
        #expect(board.report(failures: 16).failures.map(\.namespace) == names.reversed().prefix(16).map { $0 })
        let first = board.report(failures: 1).failures[0]
        #expect(set(board, "n39", .failed([failure("n39", since: 5_000, after: first)])) == .details)
        #expect(board.report(failures: 1).failures == [first], "attempts alone don't cause another status")
        #expect(board.report(failures: 30).failures.contains(first), "a longer list shows the same ones")
        board.showDetails()
        let again = board.report(failures: 1).failures[0]
        #expect(again.since == first.since && again.attempts == 2)
        #expect(again.message == "500; next try within 2 s")
        #expect(board.counts.failed == 40)
        #expect(set(board, "n39", .synced) == .news)
        #expect(board.report(failures: 16).failures.first?.namespace == "n38")
        #expect(board.counts.failed == 39 && board.counts.synced == 1)
    }

    @Test("Planned work is neither pending nor in sync; all three together are the plan")
    func planned() {
        let board = NamespaceProgressBoard()
        board.replace(with: ["a", "b", "c"])
        func change(_ name: String, _ action: PlannedChange.Action, _ fields: [String] = []) -> PlannedChange {
            PlannedChange(namespace: name, object: "namespaces/\(name)", action: action, fields: fields)
        }
        _ = set(board, "a", .synced)
        #expect(set(board, "b", .planned([change("b", .change, [".x"])], [])) == .news)
        #expect(set(board, "b", .planned([change("b", .change, [".y"])], [])) == .news)
        #expect(board.pendingCount == 1 && board.counts == NamespaceCounts(desired: 3, synced: 1, failed: 0))
        #expect(set(board, "c", .planned([change("c", .conflict)], [failure("c", since: 1)])) == .news)
        #expect(board.pendingCount == 0 && board.counts == NamespaceCounts(desired: 3, synced: 1, failed: 1))
        let planned = board.report(plans: true).planned
        #expect(planned?.change == 1 && planned?.conflict == 1 && planned?.examples.count == 2)
        #expect(board.report(failures: 16).failures.count == 1 && board.report().failuresTotal == 1)
        _ = set(board, "b", .synced)
        board.pending(["c"])
        #expect(board.report(plans: true).planned == PlannedChanges() && board.pendingCount == 1)
    }

    @Test("It tells when all came to be in sync, last time that they did")
    func lastComplete() {
        let now = Locked(100.0)
        let board = NamespaceProgressBoard(wallClock: WallClock { Instant(secondsSince1970: now.withLock { $0 }) })
        board.replace(with: ["a", "b"])
        _ = set(board, "a", .synced)
        #expect(board.lastComplete == nil)
        _ = set(board, "b", .synced)
        now.withLock { $0 = 200 }
        _ = set(board, "b", .synced)
        board.pending(["a"])
        #expect(board.lastComplete == Instant(secondsSince1970: 100))
        _ = set(board, "a", .synced)
        #expect(board.lastComplete == Instant(secondsSince1970: 200))
    }
}
