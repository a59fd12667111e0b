import Testing

@testable import ControlLoop

@Suite("Circuit breaker")
struct CircuitBreakerTests {
    func breaker() -> CircuitBreaker {
        CircuitBreaker(
            .init(failuresToOpen: 3, successesToClose: 2, probeInterval: .seconds(10), halfOpenInterval: .seconds(1)))
    }

    @Test("It opens after a number of failures in a row; a success restarts the count")
    func opens() {
        var breaker = breaker()
        for _ in 0..<2 { #expect(breaker.record(.probeFailed) == nil) }
        #expect(breaker.record(.probeSucceeded) == nil)
        for _ in 0..<2 { #expect(breaker.record(.probeFailed) == nil) }
        #expect(breaker.allowsRequests)
        #expect(breaker.record(.probeFailed) == .open)
        #expect(!breaker.allowsRequests)
        #expect(breaker.state == .open)
    }

    @Test("Half-open, it lets only probes through and closes after enough successes")
    func closes() {
        var breaker = breaker()
        for _ in 0..<3 { _ = breaker.record(.probeFailed) }
        #expect(breaker.probeDelay == .seconds(10))
        #expect(breaker.record(.probeSucceeded) == nil)
        #expect(!breaker.allowsRequests)
        #expect(breaker.probeDelay == .seconds(1))
        #expect(breaker.record(.probeSucceeded) == .close)
        #expect(breaker.allowsRequests)
    }

    @Test("A probe that fails while half-open opens it again, and successes count from zero")
    func flaps() {
        var breaker = breaker()
        for _ in 0..<3 { _ = breaker.record(.probeFailed) }
        _ = breaker.record(.probeSucceeded)
        #expect(breaker.record(.probeFailed) == nil)
        #expect(breaker.state == .open)
        #expect(breaker.record(.probeSucceeded) == nil)
        #expect(breaker.record(.probeSucceeded) == .close)
    }
}
