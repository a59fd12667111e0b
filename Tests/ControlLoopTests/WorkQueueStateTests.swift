import Testing

@testable import ControlLoop

@Suite("Work queue, as a value")
struct WorkQueueStateTests {
    typealias State = WorkQueueState<String>
    static let backoff = BackoffPolicy(base: .seconds(1), cap: .seconds(60), jitter: .none)

    func queue(limit: Int = 10) -> State { State(limit: limit, backoff: Self.backoff, seed: 1) }

    /// Everything that can be handed out at a time, each finished as done.
    func drain(_ queue: inout State, at now: Duration) -> [String] {
        var keys: [String] = []
        while case .key(let key) = queue.poll(now: now) {
            keys.append(key)
            queue.finish(key, .done, now: now)
        }
        return keys
    }

    @Test("A key that is added twice is handed out once")
    func dedupes() {
        var queue = queue()
        queue.add("a", now: .zero)
        queue.add("b", now: .zero)
        queue.add("a", now: .zero)
        #expect(drain(&queue, at: .zero) == ["a", "b"])
    }

    @Test("A key added while in flight is handed out again only after it is finished")
    func inFlight() {
        var queue = queue()
        queue.add("a", now: .zero)
        #expect(queue.poll(now: .zero) == .key("a"))
        queue.add("a", now: .zero)
        #expect(queue.poll(now: .zero) == .wait(until: nil))
        queue.finish("a", .done, now: .zero)
        #expect(queue.poll(now: .zero) == .key("a"))
        queue.finish("a", .done, now: .zero)
        #expect(queue.poll(now: .zero) == .wait(until: nil))
    }

    @Test("However many background keys are in flight, a fresh one finds a slot")
    func reserve() {
        var queue = State(limit: 3, freshReserve: 1, backoff: Self.backoff, seed: 1)
        for key in ["a", "b", "c"] { queue.add(key, priority: .background, now: .zero) }
        #expect(queue.poll(now: .zero) == .key("a"))
        #expect(queue.poll(now: .zero) == .key("b"))
        #expect(queue.poll(now: .zero) == .wait(until: nil))
        queue.add("fresh", now: .zero)
        #expect(queue.poll(now: .zero) == .key("fresh"))
        #expect(queue.priority(of: "a") == .background && queue.priority(of: "fresh") == .fresh)
        // One that is in flight already becomes as urgent as what is added to it.
        queue.add("a", now: .zero)
        #expect(queue.priority(of: "a") == .fresh)
        queue.finish("fresh", .done, now: .zero)
        #expect(queue.poll(now: .zero) == .wait(until: nil))
        queue.finish("b", .done, now: .zero)
        #expect(queue.poll(now: .zero) == .key("c"))
    }

    @Test("Work that fails again and again yields to fresh work")
    func staleFailure() {
        var queue = State(limit: 1, backoff: Self.backoff, seed: 1)
        var now = Duration.zero
        queue.add("a", now: now)
        for attempt in 1...3 {
            #expect(queue.poll(now: now) == .key("a"))
            #expect(queue.priority(of: "a") == .fresh, "attempt \(attempt)")
            queue.finish("a", .failed(retryAfter: nil), now: now)
            now += .seconds(60)
        }
        _ = queue.poll(now: now)
        #expect(queue.priority(of: "a") == .background)
        queue.finish("a", .failed(retryAfter: nil), now: now)
        queue.add("b", now: now + .seconds(60))
        #expect(queue.poll(now: now + .seconds(60)) == .key("b"))
    }

    @Test("It says how long keys waited and were worked on, and what is under way")
    func durations() {
        var queue = State(limit: 2, backoff: Self.backoff, seed: 1)
        queue.add("a", now: .zero)
        queue.add("b", now: .seconds(1))
        #expect(queue.poll(now: .seconds(3)) == .key("a"))
        #expect(queue.poll(now: .seconds(4)) == .key("b"))
        queue.finish("a", .done, now: .seconds(5))
        let metrics = queue.metrics(now: .seconds(9))
        #expect(metrics.waited.sum == .seconds(6) && metrics.waited.count == 2)
        #expect(metrics.worked.sum == .seconds(2) && metrics.worked.count == 1)
        #expect(metrics.unfinished == .seconds(5) && metrics.longestUnfinished == .seconds(5))
        var both = metrics.counted
        #expect(both.inFlight == 0 && both.unfinished == .zero && both.waited.count == 2)
        both += metrics
        #expect(both.waited.count == 4 && both.added == 4 && both.inFlight == 1)
    }

    @Test("Of several times for a key the earliest counts, in whatever order they come")
    func earliest() {
        var queue = queue()
        queue.add("a", after: .seconds(9), now: .zero)
        queue.add("a", after: .seconds(3), now: .zero)
        queue.add("a", after: .seconds(5), now: .zero)
        #expect(queue.poll(now: .zero) == .wait(until: .seconds(3)))
        #expect(drain(&queue, at: .seconds(3)) == ["a"])
        #expect(queue.poll(now: .seconds(100)) == .wait(until: nil))
    }

    @Test("A time set while in flight counts after the finish; an immediate add beats it")
    func laterWhileInFlight() {
        var queue = queue()
        queue.add("a", now: .zero)
        _ = queue.poll(now: .zero)
        queue.add("a", after: .seconds(4), now: .zero)
        queue.finish("a", .requeue(after: .seconds(9)), now: .seconds(1))
        #expect(queue.poll(now: .seconds(1)) == .wait(until: .seconds(4)))
        queue.add("a", now: .seconds(2))
        #expect(queue.poll(now: .seconds(2)) == .key("a"))
    }

    @Test("Failures wait longer each time, at least as the server asks; a success resets it")
    func failures() {
        var queue = queue()
        var now = Duration.zero
        queue.add("a", now: now)
        for (wait, retryAfter) in [(1, nil), (2, nil), (30, 30), (8, 1)] as [(Int, Int?)] {
            #expect(queue.poll(now: now) == .key("a"))
            #expect(max(queue.longestBackoff(of: "a"), .seconds(retryAfter ?? 0)) == .seconds(wait))
            queue.finish("a", .failed(retryAfter: retryAfter.map { .seconds($0) }), now: now)
            #expect(queue.poll(now: now) == .wait(until: now + .seconds(wait)))
            now += .seconds(wait)
        }
        #expect(queue.metrics(now: now).failures == 4)
        #expect(queue.poll(now: now) == .key("a"))
        queue.finish("a", .done, now: now)
        #expect(queue.metrics(now: now).retrying == 0)
    }

    @Test("Clearing the backoff hands out failed keys at once; timers and priorities stay")
    func clearsBackoff() {
        var queue = queue()
        for key in ["failed", "timer"] { queue.add(key, now: .zero) }
        for key in ["failed", "timer"] {
            #expect(queue.poll(now: .zero) == .key(key))
            queue.finish(
                key, key == "timer" ? .requeue(after: .seconds(50)) : .failed(retryAfter: .seconds(900)), now: .zero)
        }
        #expect(queue.metrics(now: .zero).retrying == 1)
        queue.clearBackoff(now: .seconds(1))
        #expect(queue.metrics(now: .seconds(1)).retrying == 0)
        #expect(drain(&queue, at: .seconds(1)) == ["failed"])
        #expect(queue.poll(now: .seconds(1)) == .wait(until: .seconds(50)))
    }

    @Test("Fresh keys go before background ones, which still get their share")
    func priorities() {
        var queue = queue()
        for index in 0..<10 { queue.add("slow\(index)", priority: .background, now: .zero) }
        for index in 0..<20 { queue.add("fast\(index)", priority: .fresh, now: .zero) }
        let order = drain(&queue, at: .zero)
        #expect(order.count == 30)
        #expect(order.prefix(7).allSatisfy { $0.hasPrefix("fast") })
        #expect(order[7] == "slow0")
        #expect(order[15] == "slow1")
        #expect(order.suffix(8).allSatisfy { $0.hasPrefix("slow") })
    }

    @Test("A fresh change raises a key that waits in the background; it is handed out once")
    func raises() {
        var queue = queue()
        for key in ["a", "b", "c"] { queue.add(key, priority: .background, now: .zero) }
        queue.add("c", priority: .fresh, now: .zero)
        #expect(drain(&queue, at: .zero) == ["c", "a", "b"])
        #expect(queue.metrics(now: .zero).depth == 0)
    }

    @Test("No more keys are in flight than the limit")
    func limit() {
        var queue = queue(limit: 2)
        for key in ["a", "b", "c"] { queue.add(key, now: .zero) }
        _ = queue.poll(now: .zero)
        _ = queue.poll(now: .zero)
        #expect(queue.poll(now: .zero) == .wait(until: nil))
        queue.finish("a", .done, now: .zero)
        #expect(queue.poll(now: .zero) == .key("c"))
    }

    @Test("While paused nothing is handed out and nothing is lost")
    func pause() {
        var queue = queue()
        queue.add("a", now: .zero)
        _ = queue.poll(now: .zero)
        queue.pause()
        queue.add("b", now: .zero)
        queue.finish("a", .failed(retryAfter: nil), now: .zero)
        #expect(queue.poll(now: .seconds(9)) == .wait(until: nil))
        queue.resume()
        #expect(Set(drain(&queue, at: .seconds(9))) == ["a", "b"])
    }

    @Test("After a shutdown nothing is handed out or taken; keys in flight can be finished")
    func shutDown() {
        var queue = queue()
        for key in ["a", "b"] { queue.add(key, now: .zero) }
        _ = queue.poll(now: .zero)
        queue.shutDown()
        queue.resume()
        queue.add("c", now: .zero)
        #expect(queue.poll(now: .zero) == .finished)
        #expect(queue.hasInFlight)
        queue.finish("a", .failed(retryAfter: nil), now: .zero)
        #expect(!queue.hasInFlight)
        #expect(queue.metrics(now: .zero).depth == 0)
        #expect(queue.metrics(now: .zero).delayed == 0)
    }

    @Test("An abandoned key is ready again at once, its failures as they were")
    func abandoned() {
        var queue = queue()
        queue.add("a", now: .zero)
        _ = queue.poll(now: .zero)
        queue.finish("a", .failed(retryAfter: nil), now: .zero)
        _ = queue.poll(now: .seconds(1))
        queue.finish("a", .abandoned, now: .seconds(1))
        #expect(queue.metrics(now: .seconds(1)).retrying == 1)
        #expect(queue.poll(now: .seconds(1)) == .key("a"))
        queue.finish("a", .failed(retryAfter: nil), now: .seconds(1))
        #expect(queue.poll(now: .seconds(1)) == .wait(until: .seconds(3)), "it is the second failure")
    }

    @Test("Metrics say what waits, how long, and what was done")
    func metrics() {
        var queue = queue()
        queue.add("a", now: .zero)
        queue.add("b", now: .seconds(3))
        queue.add("c", after: .seconds(60), now: .seconds(3))
        let before = queue.metrics(now: .seconds(5))
        #expect(before.depth == 2 && before.delayed == 1 && before.oldestAge == .seconds(5) && before.added == 3)
        _ = queue.poll(now: .seconds(5))
        let after = queue.metrics(now: .seconds(5))
        #expect(after.inFlight == 1 && after.oldestAge == .seconds(2) && after.handedOut == 1)
    }

    @Test("Finishing a key that is not in flight changes nothing")
    func unknown() {
        var queue = queue()
        queue.add("a", now: .zero)
        queue.finish("a", .done, now: .zero)
        queue.finish("z", .failed(retryAfter: nil), now: .zero)
        #expect(drain(&queue, at: .zero) == ["a"])
        #expect(queue.metrics(now: .zero).inFlight == 0)
    }
}
