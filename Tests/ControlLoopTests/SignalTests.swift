import TestSupport
import Testing

@testable import ControlLoop

@Suite("Signal, race and timeline", .timeLimit(.minutes(patience)))
struct SignalTests {
    @Test("A change between the look and the wait is not lost")
    func notLost() async {
        let signal = Signal()
        let seen = signal.generation
        signal.advance()
        await signal.wait(past: seen)
    }

    @Test("Cancelling a waiter ends the wait, also before it has begun")
    func cancelled() async {
        let signal = Signal()
        await withDiscardingTaskGroup { group in
            for _ in 0..<100 { group.addTask { await signal.wait(past: 5) } }
            group.cancelAll()
        }
    }

    @Test("One advance wakes every waiting task")
    func wakesAll() async {
        let signal = Signal()
        let started = Probe<Int>()
        await withDiscardingTaskGroup { group in
            for index in 0..<50 {
                group.addTask {
                    let seen = signal.generation
                    started.record(index)
                    await signal.wait(past: seen)
                }
            }
            await started.count(50)
            signal.advance()
        }
    }

    @Test("A wait with a deadline ends at the deadline")
    func deadline() async {
        let (signal, clock) = (Signal(), TestClock())
        let timeline = clock.timeline
        await withDiscardingTaskGroup { group in
            group.addTask { await signal.wait(past: 0, until: .seconds(5), on: timeline) }
            #expect(await clock.advanceToNextSleeper() == .seconds(5))
        }
        #expect(timeline.now == .seconds(5))
    }

    @Test("A race gives the operation's result, or says that time or the signal came first")
    func races() async {
        let (signal, clock) = (Signal(), TestClock())
        let timeline = clock.timeline
        let plain = await race(until: .seconds(9), on: timeline, interruptedBy: (signal, past: 0)) { 3 }
        #expect(plain.value == 3)

        async let late = race(until: .seconds(9), on: timeline) { await Signal().wait(past: 0) }
        await clock.advanceToNextSleeper()
        if case .timedOut = await late {} else { Issue.record("not timed out") }

        signal.advance()
        let interrupted = await race(until: nil, on: timeline, interruptedBy: (signal, past: 0)) {
            await Signal().wait(past: 0)
        }
        if case .interrupted = interrupted {} else { Issue.record("not interrupted") }
    }
}

extension RaceResult {
    var value: Success? { if case .finished(let value) = self { value } else { nil } }
}
