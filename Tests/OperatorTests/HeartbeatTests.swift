import ControlLoop
import HTTP
import Support
import TestSupport
import Testing

@testable import Operator

@Suite("The operator's heartbeat")
struct HeartbeatTests {
    @Test("Work goes on while beats get through, and stops after a minute without one")
    func standstill() async {
        let clock = TestClock()
        let getsThrough = Locked(true)
        let beats = Probe<Bool>()
        let heartbeat = Heartbeat(timeline: Timeline(clock)) {
            let result = getsThrough.withLock { $0 }
            beats.record(result)
            return result
        }
        await running({ await heartbeat.run() }) {
            for number in 1...100 {
                await beats.count(number)
                await clock.sleepers(1)
                clock.advance(by: .seconds(5))
            }
            await beats.count(101)
            await clock.sleepers(1)
            #expect(heartbeat.standstill == nil)
            getsThrough.withLock { $0 = false }
            for number in 102...113 {
                clock.advance(by: .seconds(5))
                await beats.count(number)
                await clock.sleepers(1)
            }
            #expect(heartbeat.standstill == nil, "a minute is not over yet")
            clock.advance(by: .seconds(5))
            #expect(heartbeat.standstill == "the operator's own work has stood still for 65 s")
            await beats.count(114)
            await clock.sleepers(1)
            getsThrough.withLock { $0 = true }
            clock.advance(by: .seconds(5))
            await beats.count(115)
            await clock.sleepers(1)
            #expect(heartbeat.standstill == nil)
        }
    }

    @Test("A beat that never comes back is a standstill too")
    func hangs() async {
        let clock = TestClock()
        let release = Observed(false)
        let began = Observed(false)
        let heartbeat = Heartbeat(timeline: Timeline(clock)) {
            began.update { $0 = true }
            await release.wait { $0 }
            return true
        }
        await running({ await heartbeat.run() }) {
            await began.wait { $0 }
            clock.advance(by: .seconds(61))
            #expect(heartbeat.standstill != nil)
            release.update { $0 = true }
        }
    }

    @Test("It goes through the HTTP engine: one that has ended gives no beat")
    func engine() async {
        let engine = HTTPEngine()
        #expect(await engine.statistics() != nil)
        engine.shutdown()
        #expect(await engine.statistics() == nil)
    }
}
