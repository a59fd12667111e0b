import ControlLoop
import Fleet
import FlyteAdmin
import KubeObjects
import Logging
import Support
import TestSupport
import Testing

@testable import Operator

@Suite("When executions are counted")
struct CountScheduleTests {
    private var schedule = CountSchedule(interval: .seconds(300))
    private var random = SeededRandom(seed: 1)

    @Test("A cluster is asked about soon after the cordon, then after five minutes or more")
    mutating func distance() {
        #expect(schedule.wake == nil)
        schedule.want("a", age: nil, now: .seconds(10))
        #expect(schedule.wake == .seconds(12))
        #expect(schedule.due(.seconds(11)) == [] && schedule.due(.seconds(12)) == ["a"])
        for _ in 0..<20 {
            schedule.asked(["a"], .seconds(12), using: &random)
            let wake = schedule.wake ?? .zero
            #expect((.seconds(312)...(.seconds(342))).contains(wake))
        }
    }

    @Test("A second cordon asks no sooner, and a departed cluster is not asked about")
    mutating func flapping() {
        schedule.want("a", age: nil, now: .zero)
        schedule.asked(["a"], .zero, using: &random)
        schedule.drop("a")
        #expect(schedule.wake == nil && schedule.due(.seconds(1000)) == [])
        schedule.want("a", age: nil, now: .seconds(5))
        #expect(schedule.due(.seconds(299)) == [])
    }

    @Test("A restart asks no sooner, going by the count's time in the status")
    mutating func restart() {
        schedule.want("a", age: .seconds(100), now: .zero)
        schedule.want("b", age: .seconds(5000), now: .zero)
        schedule.want("c", age: .seconds(-5000), now: .zero)
        #expect(schedule.due(.seconds(2)) == ["b"])
        #expect(schedule.due(.seconds(200)) == ["a", "b"])
        #expect(schedule.due(.seconds(300)) == ["a", "b", "c"])
    }

    @Test("Clusters that come due within two seconds are asked about together")
    mutating func together() {
        schedule.want("a", age: nil, now: .zero)
        schedule.want("b", age: nil, now: .seconds(1))
        schedule.want("c", age: .zero, now: .zero)
        #expect(schedule.wake == .seconds(3))
        #expect(schedule.due(.seconds(3)) == ["a", "b"])
    }
}

@Suite("Counting executions")
struct ExecutionCounterTests {
    /// A flyteadmin that gives prepared answers, beside a clock that stands still.
    private final class Desk: Sendable {
        struct State {
            var running: [String: Int]? = [:]
            var failure: FlyteAdminError?
            var isRollingOut = false
            var leads = true
            var asked: [[String]] = []
            var changed: [String] = []
        }
        let clock = TestClock()
        let state = Observed(State())

        var wallClock: WallClock {
            WallClock { [clock] in Instant(secondsSince1970: 1000.5 + clock.now.offset.seconds) }
        }
        var counter: ExecutionCounter {
            ExecutionCounter(
                ExecutionCounter.Context(
                    ask: { clusters async throws(FlyteAdminError) in
                        let state = self.state.update { state in
                            state.asked.append(clusters)
                            return state
                        }
                        if let failure = state.failure { throw failure }
                        return state.running
                    },
                    mayAsk: { self.state.value.leads }, isRollingOut: { self.state.value.isRollingOut },
                    changed: { name in self.state.update { $0.changed.append(name) } },
                    logger: Logger(label: "test"), wallClock: wallClock, timeline: Timeline(clock)))
        }
        func asked(_ count: Int) async { await state.wait { $0.asked.count >= count } }
        func changed(_ count: Int) async { await state.wait { $0.changed.count >= count } }
    }

    private func dataPlane(_ name: String, cordoned: Bool = true, enabled: Bool = true) -> DataPlane {
        var spec = DataPlaneSpec()
        (spec.clusterName, spec.unschedulable, spec.enabled) = (name + "_cluster", cordoned, enabled)
        var object = DataPlane(metadata: ObjectMeta(name: name, namespace: "flyte"), spec: spec)
        object.status = DataPlaneStatus()
        object.status?.clusterName = name + "_cluster"
        return object
    }

    private func running(
        _ desk: Desk, _ body: @Sendable (ExecutionCounter) async throws -> Void
    ) async throws {
        let counter = desk.counter
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await counter.run() }
            try await body(counter)
            group.cancelAll()
        }
    }

    @Test("A cordoned and a disabled data plane are counted in one round, another one never")
    func counts() async throws {
        let desk = Desk()
        desk.state.update { $0.running = ["a_cluster": 3] }
        try await running(desk) { counter in
            let (a, b, c) = (
                dataPlane("a"), dataPlane("b", cordoned: false, enabled: false), dataPlane("c", cordoned: false)
            )
            #expect([a, b, c].map { counter.count(of: $0) } == [nil, nil, nil])
            await desk.clock.sleeper(for: .seconds(2))
            desk.clock.advance(by: .seconds(2))
            await desk.changed(2)
            #expect(desk.state.value.asked == [["a_cluster", "b_cluster"]])
            #expect(desk.state.value.changed == ["a", "b"])
            let time = Timestamp(Instant(secondsSince1970: 1002))
            #expect(counter.count(of: a) == ExecutionCount(running: 3, asOf: time))
            #expect(counter.count(of: b) == ExecutionCount(running: 0, asOf: time))
            #expect(counter.count(of: c) == nil)
            // It takes executions again: what was counted is forgotten.
            var schedulable = a
            schedulable.spec.unschedulable = false
            #expect(counter.count(of: schedulable) == nil && counter.count(of: a) == nil)
        }
    }

    @Test("A failing request leaves the old count with its time, for another five minutes")
    func failure() async throws {
        let desk = Desk()
        desk.state.update { $0.running = ["a_cluster": 3] }
        try await running(desk) { counter in
            let a = dataPlane("a")
            _ = counter.count(of: a)
            await desk.clock.sleeper(for: .seconds(2))
            desk.clock.advance(by: .seconds(2))
            await desk.changed(1)
            desk.state.update { $0.failure = FlyteAdminError(.unreachable, operation: "ask", message: "down") }
            await desk.clock.sleepers(1)
            let first = await desk.clock.advanceToNextSleeper()
            #expect(first >= .seconds(300))
            await desk.asked(2)
            await desk.clock.sleepers(1)
            #expect(await desk.clock.untilNextSleeper() >= .seconds(300))
            #expect(counter.count(of: a)?.running == 3)
            #expect(counter.count(of: a)?.asOf == Timestamp(Instant(secondsSince1970: 1002)))
            #expect(desk.state.value.changed == ["a"])
        }
    }

    @Test("While flyteadmin is rolled out the count waits, but not for ever")
    func rollout() async throws {
        let desk = Desk()
        desk.state.update { $0.isRollingOut = true }
        try await running(desk) { counter in
            _ = counter.count(of: dataPlane("a"))
            await desk.clock.sleeper(for: .seconds(2))
            desk.clock.advance(by: .seconds(2))
            await desk.clock.sleeper(for: .seconds(5))
            desk.state.update { $0.isRollingOut = false }
            desk.clock.advance(by: .seconds(5))
            await desk.asked(1)
            desk.state.update { $0.isRollingOut = true }
            await desk.clock.sleepers(1)
            await desk.clock.advanceToNextSleeper()
            for _ in 0..<24 {
                await desk.clock.sleeper(for: .seconds(5))
                #expect(desk.state.value.asked.count == 1)
                desk.clock.advance(by: .seconds(5))
            }
            await desk.asked(2)
        }
    }

    @Test("Of two replicas only the leader asks, and one whose term is over asks no more")
    func leadership() async throws {
        let (leader, other) = (Desk(), Desk())
        for desk in [leader, other] { desk.state.update { $0.running = ["a_cluster": 3] } }
        other.state.update { $0.leads = false }
        try await running(leader) { first in
            try await running(other) { second in
                for (desk, counter) in [(leader, first), (other, second)] {
                    _ = counter.count(of: dataPlane("a"))
                    await desk.clock.sleeper(for: .seconds(2))
                    desk.clock.advance(by: .seconds(2))
                }
                await leader.changed(1)
                await other.clock.sleeper(for: .seconds(5))
                #expect(leader.state.value.asked.count == 1 && other.state.value.asked.isEmpty)
                // The Lease goes to the other one.
                leader.state.update { $0.leads = false }
                other.state.update { $0.leads = true }
                other.clock.advance(by: .seconds(5))
                await other.changed(1)
                #expect(second.count(of: dataPlane("a"))?.running == 3)
                await leader.clock.sleepers(1)
                await leader.clock.advanceToNextSleeper()
                await leader.clock.sleeper(for: .seconds(5))
                #expect(leader.state.value.asked.count == 1)
            }
        }
    }

    @Test("Until flyteadmin can be asked, the count in the status stays")
    func notYet() async throws {
        let desk = Desk()
        desk.state.update { $0.running = nil }
        try await running(desk) { counter in
            var a = dataPlane("a")
            let known = ExecutionCount(running: 7, asOf: Timestamp(Instant(secondsSince1970: 500)))
            a.status?.executions = known
            #expect(counter.count(of: a) == known)
            await desk.clock.sleeper(for: .seconds(2))
            desk.clock.advance(by: .seconds(2))
            await desk.clock.sleeper(for: .seconds(5))
            desk.state.update { $0.running = [:] }
            desk.clock.advance(by: .seconds(5))
            await desk.changed(1)
            #expect(counter.count(of: a)?.running == 0)
        }
    }
}
