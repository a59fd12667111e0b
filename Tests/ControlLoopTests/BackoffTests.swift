import Support
import TestSupport
import Testing

@testable import ControlLoop

@Suite("Backoff")
struct BackoffTests {
    @Test("The ceiling doubles with each failure and stops at the cap")
    func ceiling() {
        let policy = BackoffPolicy(base: .seconds(1), cap: .seconds(30), jitter: .none)
        #expect((0...7).map { policy.ceiling(failures: $0) } == [0, 1, 2, 4, 8, 16, 30, 30].map { .seconds($0) })
        #expect(policy.ceiling(failures: .max) == .seconds(30))
    }

    @Test("A factor of one or less, or a base of zero, neither grows nor loops", .timeLimit(.minutes(patience)))
    func flat() {
        for factor in [1.0, 0.5, -1, .nan] {
            #expect(
                BackoffPolicy(base: .seconds(2), factor: factor, cap: .seconds(9)).ceiling(failures: .max)
                    == .seconds(2))
        }
        #expect(BackoffPolicy(base: .zero, cap: .seconds(9)).ceiling(failures: .max) == .zero)
    }

    @Test("Equal jitter stays in the upper half, full jitter below the ceiling; both spread")
    func jitter() {
        var random = SeededRandom(seed: 7)
        for (jitter, floor) in [(BackoffPolicy.Jitter.equal, Duration.seconds(4)), (.full, .zero)] {
            let policy = BackoffPolicy(base: .seconds(1), cap: .seconds(60), jitter: jitter)
            let delays = (0..<1000).map { _ in policy.delay(failures: 4, using: &random) }
            #expect(delays.allSatisfy { $0 >= floor && $0 <= .seconds(8) })
            #expect(Set(delays).count > 900)
        }
    }

    @Test("After a reset the next failure waits like the first")
    func reset() {
        var random = SeededRandom(seed: 1)
        var backoff = Backoff(BackoffPolicy(base: .seconds(1), cap: .seconds(60), jitter: .none))
        _ = backoff.next(using: &random)
        #expect(backoff.next(using: &random) == .seconds(2))
        backoff.reset()
        #expect(backoff.failures == 0)
        #expect(backoff.next(using: &random) == .seconds(1))
    }
}
