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
        var (isOpen, failures, successes, underWay) = (false, 0, 0, 0)
        for step in 0..<50_000 {
            let event: CircuitBreaker.Event
            switch Int.random(in: 0..<5, using: &random) {
            case 0:
                // A caller that asks first, as callers do.
                if breaker.allowsRequests { underWay += 1 }
                #expect(breaker.allowsRequests == !isOpen, "seed \(seed), step \(step)")
                continue
            case 1: event = .probeSucceeded
            case 2: event = .probeFailed
            default:
                guard underWay > 0 else { continue }
                underWay -= 1
                event = Bool.random(using: &random) ? .requestSucceeded : .requestFailed
            }
            var expected: CircuitBreaker.Action?
            let isSuccess = event == .probeSucceeded || event == .requestSucceeded
            let isProbe = event == .probeSucceeded || event == .probeFailed
            if !isOpen {
                failures = isSuccess ? 0 : failures + 1
                if failures >= configuration.failuresToOpen {
                    (isOpen, failures, successes) = (true, 0, 0)
                    expected = .open
                }
            } else if isProbe {
                successes = isSuccess ? successes + 1 : 0
                if successes >= configuration.successesToClose {
                    isOpen = false
                    expected = .close
                }
            }
            let action = breaker.record(event)
            #expect(action == expected, "seed \(seed), step \(step)")
            #expect(breaker.allowsRequests == !isOpen, "seed \(seed), step \(step)")
        }
    }
}
