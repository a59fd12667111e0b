import Testing

@testable import ControlLoop

@Suite("Circuit breaker")
struct CircuitBreakerTests {
    func breaker() -> CircuitBreaker {
        CircuitBreaker(.init(failuresToOpen: 3, successesToClose: 2, probeInterval: .seconds(10), halfOpenInterval: .seconds(1)))
    }

    @Test("It opens after so many failures in a row, and a success in between starts the count anew")
    func opens() {
        var breaker = breaker()
        #expect(breaker.record(.requestFailed, now: .zero) == nil)
        #expect(breaker.record(.probeFailed, now: .zero) == nil)
        #expect(breaker.record(.requestSucceeded, now: .zero) == nil)
        #expect(breaker.record(.requestFailed, now: .zero) == nil)
        #expect(breaker.record(.requestFailed, now: .zero) == nil)
        #expect(breaker.allowsRequests)
        #expect(breaker.record(.probeFailed, now: .seconds(5)) == .open)
        #expect(!breaker.allowsRequests)
        #expect(breaker.state == .open(since: .seconds(5)))
    }

    @Test("Only probes close it: late answers to requests that were under way do not")
    func lateAnswers() {
        var breaker = breaker()
        for _ in 0..<3 { _ = breaker.record(.requestFailed, now: .zero) }
        for event in [CircuitBreaker.Event.requestSucceeded, .requestFailed, .probeFailed] {
            #expect(breaker.record(event, now: .seconds(1)) == nil)
            #expect(breaker.state == .open(since: .zero))
        }
    }

    @Test("Half-open it lets only probes through, soon after each other, and closes after enough of them")
    func closes() {
        var breaker = breaker()
        for _ in 0..<3 { _ = breaker.record(.requestFailed, now: .zero) }
        #expect(breaker.probeDelay == .seconds(10))
        #expect(breaker.record(.probeSucceeded, now: .seconds(10)) == nil)
        #expect(!breaker.allowsRequests)
        #expect(breaker.probeDelay == .seconds(1))
        #expect(breaker.record(.probeSucceeded, now: .seconds(11)) == .close(outage: .seconds(11)))
        #expect(breaker.allowsRequests)
    }

    @Test("A failed probe while half-open opens it again, and the outage counts from its start")
    func flaps() {
        var breaker = breaker()
        for _ in 0..<3 { _ = breaker.record(.requestFailed, now: .seconds(4)) }
        _ = breaker.record(.probeSucceeded, now: .seconds(10))
        #expect(breaker.record(.probeFailed, now: .seconds(11)) == nil)
        #expect(breaker.state == .open(since: .seconds(4)))
        _ = breaker.record(.probeSucceeded, now: .seconds(20))
        #expect(breaker.record(.probeSucceeded, now: .seconds(21)) == .close(outage: .seconds(17)))
    }
}
