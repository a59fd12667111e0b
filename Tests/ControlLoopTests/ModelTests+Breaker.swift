import Support
import Testing

@testable import ControlLoop

extension ModelTests {
    @Test("Circuit breaker: no request while open, opens and closes exactly when it says", arguments: 0..<10)
    func breaker(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        let configuration = CircuitBreaker.Configuration(
            failuresToOpen: Int.random(in: 1...4, using: &random),
            successesToClose: Int.random(in: 1...3, using: &random))
        var breaker = CircuitBreaker(configuration)
        var (isOpen, failures, successes) = (false, 0, 0)
        for step in 0..<50_000 {
            let isSuccess = Bool.random(using: &random)
            var expected: CircuitBreaker.Action?
            if !isOpen {
                failures = isSuccess ? 0 : failures + 1
                if failures >= configuration.failuresToOpen {
                    (isOpen, failures, successes) = (true, 0, 0)
                    expected = .open
                }
            } else {
                successes = isSuccess ? successes + 1 : 0
                if successes >= configuration.successesToClose {
                    isOpen = false
                    expected = .close
                }
            }
            let action = breaker.record(isSuccess ? .probeSucceeded : .probeFailed)
            #expect(action == expected, "seed \(seed), step \(step)")
            #expect(breaker.allowsRequests == !isOpen, "seed \(seed), step \(step)")
        }
    }
}
