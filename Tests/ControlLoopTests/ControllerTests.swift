import Support
import TestSupport
import Testing

@testable import ControlLoop

@Suite("Work queue and controller", .timeLimit(.minutes(patience)))
struct ControllerTests {
    let clock = TestClock()

    func queue(limit: Int = 4) -> WorkQueue<String> {
        WorkQueue(
            WorkQueueState(
                limit: limit, backoff: BackoffPolicy(base: .seconds(1), cap: .seconds(60), jitter: .none), seed: 1),
            timeline: clock.timeline)
    }

    @Test("Whoever waits for a key gets the one that is added")
    func wakes() async {
        let queue = queue()
        async let key = queue.next()
        queue.add("a")
        #expect(await key == "a")
    }

    @Test("A delayed key wakes its waiter, also when an earlier key arrives during the wait")
    func delayed() async {
        let queue = queue()
        queue.add("late", after: .seconds(60))
        async let key = queue.next()
        await clock.sleeper(for: .seconds(60))
        queue.add("early", after: .seconds(5))
        await clock.sleeper(for: .seconds(5))
        clock.advance(by: .seconds(5))
        #expect(await key == "early")
    }

    @Test("A waiter wakes for a key it can take, not for later keys or without free workers")
    func wakesOnlyForWork() async {
        let queue = queue(limit: 1)
        queue.add("first", after: .seconds(5))
        async let first = queue.next()
        await clock.sleeper(for: .seconds(5))
        let before = queue.due.generation
        for number in 0..<100 { queue.add("later \(number)", after: .seconds(60)) }
        #expect(queue.due.generation == before)
        queue.add("first")
        #expect(await first == "first" && queue.due.generation == before + 1)
        async let second = queue.next()
        for number in 0..<100 { queue.add("now \(number)") }
        #expect(queue.due.generation == before + 1)
        queue.finish("first", .done)
        #expect(await second == "now 0")
    }

    @Test("A cancelled waiter gets no key and takes none with it")
    func cancelled() async {
        let queue = queue()
        await withTaskGroup(of: String?.self) { group in
            group.addTask { await queue.next() }
            group.cancelAll()
            #expect(await group.next() == .some(nil))
        }
        queue.add("a")
        #expect(await queue.next() == "a")
    }

    @Test("Concurrent adders and takers lose no key and never work on one twice at a time")
    func stress() async {
        let queue = WorkQueue<Int>(WorkQueueState(limit: 8, seed: 3))
        let working = Locked<(now: Set<Int>, overlaps: Int, last: [Int: Int])>(([], 0, [:]))
        let versions = Locked([Int: Int]())
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<6 {
                group.addTask {
                    while let key = await queue.next() {
                        working.withLock { if !$0.now.insert(key).inserted { $0.overlaps += 1 } }
                        let version = versions.withLock { $0[key] ?? 0 }
                        await Task.yield()
                        working.withLock {
                            $0.now.remove(key)
                            $0.last[key] = version
                        }
                        queue.finish(key, .done)
                    }
                }
            }
            await withTaskGroup(of: Void.self) { adders in
                for adder in 0..<4 {
                    adders.addTask {
                        var random = SeededRandom(seed: UInt64(adder))
                        for _ in 0..<2_000 {
                            let key = Int.random(in: 0..<20, using: &random)
                            versions.withLock { $0[key, default: 0] += 1 }
                            queue.add(key)
                        }
                    }
                }
            }
            // Settled when every key's last version was seen: a lost wake-up would hang here, up to the time limit.
            while versions.withLock({ $0 }) != working.withLock({ $0.last }), !Task.isCancelled { await Task.yield() }
            #expect(!Task.isCancelled)
            queue.shutDown()
        }
        #expect(working.withLock { $0.overlaps } == 0)
    }

    @Test("A failed key is tried again after its backoff, and one that asks for it later")
    func outcomes() async {
        let queue = queue()
        let calls = Probe<String>()
        let ends = Probe<String>()
        let controller = Controller(queue, observer: { key, outcome, _ in ends.record("\(key) \(outcome)") }) { key in
            calls.record(key)
            switch calls.all.count {
            case 1: return .failed("no", retryAfter: .seconds(7))
            case 2: return .requeue(after: .seconds(30))
            default: return .done
            }
        }
        await running(controller.run) {
            queue.add("a")
            await ends.count(1)
            await clock.sleeper(for: .seconds(7))
            clock.advance(by: .seconds(7))
            await ends.count(2)
            await clock.sleeper(for: .seconds(30))
            clock.advance(by: .seconds(30))
            await ends.count(3)
            #expect(ends.all.last == "a done")
            #expect(queue.metrics.delayed == 0)
        }
    }

    @Test("What a glance settles is not reconciled, and counts like a reconcile")
    func glance() async {
        let queue = queue()
        let reconciled = Probe<String>()
        let ends = Probe<String>()
        let glances = Locked(["asks again": 0])
        let controller = Controller(
            queue, observer: { key, outcome, _ in ends.record("\(key): \(outcome)") },
            glance: { key in
                switch key {
                case "settled": return .done
                case "asks again":
                    let count = glances.withLock { glances in
                        glances[key, default: 0] += 1
                        return glances[key, default: 0]
                    }
                    return count == 1 ? .requeue(after: .seconds(5)) : nil
                default: return nil
                }
            },
            reconcile: { key in
                reconciled.record(key)
                return .done
            })
        await running(controller.run) {
            queue.add("settled")
            queue.add("needs work")
            queue.add("asks again")
            await ends.count(3)
            #expect(reconciled.all == ["needs work"] && ends.all.contains("settled: done"))
            await clock.sleeper(for: .seconds(5))
            clock.advance(by: .seconds(5))
            await ends.count(4)
            #expect(reconciled.all == ["needs work", "asks again"])
            #expect(queue.metrics.inFlight == 0 && queue.metrics.delayed == 0)
        }
    }

    @Test("As many reconciles run at a time as the limit says")
    func limit() async {
        let queue = queue(limit: 3)
        let started = Probe<String>()
        let gate = Signal()
        let controller = Controller(queue) { key in
            started.record(key)
            await gate.wait(past: 0)
            return .done
        }
        await running(controller.run) {
            queue.add((0..<10).map(String.init))
            await started.count(3)
            #expect(queue.metrics.inFlight == 3 && queue.metrics.depth == 7)
            gate.advance()
            await started.count(10)
        }
    }

    @Test("A reconcile past its deadline is cancelled and counts as failed")
    func deadline() async {
        let queue = queue()
        let ends = Probe<Controller<String>.Outcome>()
        let controller = Controller(
            queue, configuration: .init(deadline: .seconds(20)), observer: { _, outcome, _ in ends.record(outcome) }
        ) { _ in
            await Signal().wait(past: 0)
            return .done
        }
        await running(controller.run) {
            queue.add("a")
            await clock.sleeper(for: .seconds(20))
            clock.advance(by: .seconds(20))
            await ends.count(1)
            if case .failed? = ends[0] {} else { Issue.record("not failed") }
            #expect(queue.metrics.retrying == 1)
        }
    }

    @Test("A shutdown lets what is in flight end and starts nothing more")
    func drains() async {
        let queue = queue(limit: 1)
        let started = Probe<String>()
        let finished = Probe<String>()
        let gate = Signal()
        let controller = Controller(queue, observer: { key, _, _ in finished.record(key) }) { key in
            started.record(key)
            await gate.wait(past: 0)
            return .done
        }
        await withDiscardingTaskGroup { group in
            group.addTask { await controller.run() }
            queue.add(["a", "b"])
            await started.count(1)
            controller.shutDown()
            gate.advance()
        }
        #expect(started.all == ["a"] && finished.all == ["a"])
    }

    @Test("What is still in flight after the grace period is cancelled")
    func grace() async {
        let queue = queue()
        let started = Probe<String>()
        let controller = Controller(queue, configuration: .init(deadline: .seconds(500), grace: .seconds(10))) { key in
            started.record(key)
            await Signal().wait(past: 0)
            return .failed("cancelled")
        }
        await withDiscardingTaskGroup { group in
            group.addTask { await controller.run() }
            queue.add("a")
            await started.count(1)
            controller.shutDown()
            await clock.sleeper(for: .seconds(10))
            clock.advance(by: .seconds(10))
        }
        #expect(queue.metrics.inFlight == 0)
    }

    @Test("Cancelling a controller ends its work at once, and what it worked on is not lost")
    func cancel() async {
        let queue = queue()
        let started = Probe<String>()
        let controller = Controller(queue) { key in
            started.record(key)
            await Signal().wait(past: 0)
            return .failed("cancelled")
        }
        await running(controller.run) {
            queue.add("a")
            await started.count(1)
        }
        #expect(queue.metrics.retrying == 0)
        #expect(await queue.next() == "a")
    }
}
