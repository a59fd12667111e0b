import Fleet
import Support
import Testing

@testable import Operator

@Suite("What is known of a data plane's namespaces")
struct ProgressBoardTests {
    private func failure(_ namespace: String, since: Double, after: FailureEntry? = nil) -> ObjectFailure {
        ObjectFailure(
            FailureEntry.next(
                after: after, namespace: namespace, object: "namespaces/\(namespace)", reason: .serverError,
                message: "500", now: Instant(secondsSince1970: since)), nextTry: .within(.seconds(2)))
    }

    @Test("Failures are bounded, the oldest first, and one that goes on keeps its since and counts its attempts")
    func failures() {
        let board = NamespaceProgressBoard()
        let names = (0..<40).map { "n\($0)" }
        board.replace(with: Set(names))
        for (index, name) in names.enumerated() {
            _ = board.set(name, .failed([failure(name, since: Double(1_000 - index))]))
        }
        #expect(board.failures(limit: 16).map(\.namespace) == names.reversed().prefix(16).map { $0 })
        let first = board.failures(limit: 1)[0]
        _ = board.set("n39", .failed([failure("n39", since: 5_000, after: first)]))
        let again = board.failures(limit: 1)[0]
        #expect(again.since == first.since && again.attempts == 2)
        #expect(again.message == "500; next try within 2 s")
        #expect(board.counts.failed == 40)
        _ = board.set("n39", .synced)
        #expect(board.failures(limit: 16).first?.namespace == "n38")
        #expect(board.counts.failed == 39 && board.counts.synced == 1)
    }

    @Test("It tells when all came to be in sync, last time that they did")
    func lastComplete() {
        let now = Locked(100.0)
        let board = NamespaceProgressBoard(wallClock: WallClock { Instant(secondsSince1970: now.withLock { $0 }) })
        board.replace(with: ["a", "b"])
        _ = board.set("a", .synced)
        #expect(board.lastComplete == nil)
        _ = board.set("b", .synced)
        now.withLock { $0 = 200 }
        _ = board.set("b", .synced)
        board.pending(["a"])
        #expect(board.lastComplete == Instant(secondsSince1970: 100))
        _ = board.set("a", .synced)
        #expect(board.lastComplete == Instant(secondsSince1970: 200))
    }
}
