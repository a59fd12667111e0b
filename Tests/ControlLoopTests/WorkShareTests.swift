import Testing

@testable import ControlLoop

@Suite("The share of many queues in what may be in work")
struct WorkShareTests {
    /// Takes keys until the queue gives none, and finishes nothing.
    private func take(_ queue: WorkQueue<Int>) async -> [Int] {
        var keys: [Int] = []
        let wanted = queue.metrics.inFlight
        while true {
            let before = queue.metrics
            guard before.depth > 0 else { break }
            let next = Task { await queue.next() }
            // A queue that gives nothing leaves the task waiting.
            for _ in 0..<200 where queue.metrics.inFlight == wanted + keys.count { await Task.yield() }
            guard queue.metrics.inFlight > wanted + keys.count else {
                next.cancel()
                _ = await next.value
                break
            }
            if let key = await next.value { keys.append(key) }
        }
        return keys
    }

    @Test("A queue that is alone gets all that its own limit allows")
    func alone() async {
        let share = WorkShare(whole: 8, least: 2)
        let queue = WorkQueue<Int>(WorkQueueState(limit: 6), share: share)
        queue.add(0..<20, priority: .background)
        #expect(await take(queue).count == 6)
    }

    @Test("Many busy queues share the whole, and each gets at least the least")
    func many() async {
        let share = WorkShare(whole: 8, least: 2)
        let queues = (0..<8).map { _ in WorkQueue<Int>(WorkQueueState(limit: 6), share: share) }
        for queue in queues { queue.add(0..<20, priority: .background) }
        for queue in queues { #expect(await take(queue).count == 2) }
    }

    @Test("Keys that hang in one queue leave slots to the others and to fresh keys")
    func hanging() async {
        let share = WorkShare(whole: 4, least: 1)
        let hanging = WorkQueue<Int>(WorkQueueState(limit: 6, freshReserve: 2), share: share)
        hanging.add(0..<20, priority: .background)
        #expect(await take(hanging).count == 4)
        let other = WorkQueue<Int>(WorkQueueState(limit: 6, freshReserve: 2), share: share)
        other.add(0..<20, priority: .background)
        #expect(await take(other).count == 2)
        other.add(100)
        #expect(await take(other) == [100])
    }

    @Test("A queue that has nothing left to do, that is paused or gone gives its part back")
    func leaving() {
        let share = WorkShare(whole: 12, least: 1)
        let first = WorkQueue<Int>(share: share)
        first.add(0..<3, priority: .background)
        do {
            let second = WorkQueue<Int>(share: share)
            second.add(1, priority: .background)
            #expect(share.part == 6)
            second.pause()
            #expect(share.part == 12)
            second.resume()
            #expect(share.part == 6)
        }
        #expect(share.part == 12)
        first.shutDown()
        first.add(4, priority: .background)
        #expect(share.part == 12)
    }
}
