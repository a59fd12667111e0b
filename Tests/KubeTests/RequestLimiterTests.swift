import HTTP
import JSON
import KubeObjects
import Support
import TestSupport
import Testing

@testable import Kube

@Suite("Request limiter")
struct RequestLimiterTests {
    @Test("A burst goes at once, the rest at the rate")
    func bucket() {
        var bucket = TokenBucket(qps: 10, burst: 3, now: .zero)
        #expect((0..<4).map { _ in bucket.take(now: .zero) } == [true, true, true, false])
        #expect(bucket.delay(now: .zero) == .milliseconds(100))
        #expect([99, 100].map { bucket.take(now: .milliseconds($0)) } == [false, true])
        #expect(bucket.delay(now: .milliseconds(150)) == .milliseconds(50))
    }

    @Test("Rest fills the bucket up to the burst, and time that goes back changes nothing")
    func limits() {
        var bucket = TokenBucket(qps: 10, burst: 2, now: .zero)
        #expect((0..<3).map { _ in bucket.take(now: .seconds(1000)) } == [true, true, false])
        #expect(bucket.take(now: .seconds(5)) == false)
        #expect(bucket.delay(now: .seconds(5)) == .milliseconds(100))
        #expect(!bucket.isFull(now: .seconds(1000) + .milliseconds(150)))
        #expect(bucket.isFull(now: .seconds(1000) + .milliseconds(200)))
    }

    @Test("A token that is given back serves the next one")
    func giveBack() {
        var bucket = TokenBucket(qps: 1, burst: 1, now: .zero)
        #expect((0..<2).map { _ in bucket.take(now: .zero) } == [true, false])
        bucket.giveBack(now: .zero)
        #expect(bucket.take(now: .zero) == true)
        for _ in 0..<10 { bucket.giveBack(now: .zero) }
        #expect(bucket.tokens == 1)
    }

    @Test(
        "Nonsensical rates neither divide by zero nor let everything through",
        arguments: [0, -5, .nan, .infinity])
    func nonsense(qps: Double) {
        var bucket = TokenBucket(qps: qps, burst: -1, now: .zero)
        #expect((0..<2).map { _ in bucket.take(now: .zero) } == [true, false])
        #expect(bucket.delay(now: .zero) > .zero)
    }

    @Test("Fresh requests go first, and background requests still get every eighth token")
    func lanes() {
        var lanes = RequestLanes(TokenBucket(qps: 1, burst: 1, now: .zero))
        #expect(lanes.enter(RequestTurn(.background), now: .zero) == nil)
        let background = (0..<3).map { _ in lanes.enter(RequestTurn(.background), now: .zero) }
        let fresh = (0..<12).map { _ in lanes.enter(RequestTurn(.fresh), now: .zero) }
        let order = (1...15).flatMap { lanes.hand(now: .seconds($0)) }
        let expected = fresh[..<7] + [background[0]] + fresh[7...] + background[1...]
        #expect(order == expected.compactMap { $0 })
        #expect(lanes.delay(now: .seconds(15)) == nil)
    }

    @Test("A background request that becomes wanted goes before the others")
    func raise() {
        var lanes = RequestLanes(TokenBucket(qps: 1, burst: 1, now: .zero))
        _ = lanes.enter(RequestTurn(), now: .zero)
        let waiting = ["a", "b", "c"].map { lanes.enter(RequestTurn(.background, subject: $0), now: .zero) }
        lanes.raise(["c", "x"])
        let order = (1...3).flatMap { lanes.hand(now: .seconds($0)) }
        #expect(order == [waiting[2], waiting[0], waiting[1]])
    }

    @Test(
        "Random schedules: rate kept, no request lost or served twice, lanes in order",
        arguments: 0..<20)
    func model(seed: UInt64) {
        var random = Generator(state: seed)
        func chance(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }
        let (qps, burst) = (Double(1 + chance(50)), 1 + chance(10))
        var lanes = RequestLanes(TokenBucket(qps: qps, burst: burst, now: .zero))
        var now = Duration.zero
        var (sent, givenBack) = (0, 0)
        var waiting: [RequestPriority: [RequestLanes.Ticket]] = [.fresh: [], .background: []]
        var subjects: [RequestLanes.Ticket: String] = [:]
        var backgroundStarved = 0
        for step in 0..<30_000 {
            switch chance(8) {
            case 0...2:
                let turn = RequestTurn(chance(2) == 0 ? .fresh : .background, subject: "\(chance(20))")
                if let ticket = lanes.enter(turn, now: now) {
                    waiting[turn.priority]!.append(ticket)
                    subjects[ticket] = turn.subject
                } else {
                    let isAlone = waiting.values.allSatisfy { $0.isEmpty }
                    #expect(isAlone, "seed \(seed), step \(step): overtaken")
                    sent += 1
                }
            case 3...5:
                for ticket in lanes.hand(now: now) {
                    sent += 1
                    let lane = waiting.first { $0.value.first == ticket }?.key
                    guard let lane else {
                        Issue.record("seed \(seed), step \(step): \(ticket) is not the first of a lane")
                        return
                    }
                    waiting[lane]!.removeFirst()
                    backgroundStarved = lane == .background || waiting[.background]!.isEmpty ? 0 : backgroundStarved + 1
                    #expect(backgroundStarved < 8, "seed \(seed), step \(step): background starves")
                }
                let delay = lanes.delay(now: now)
                #expect(delay != .zero, "seed \(seed), step \(step): one was left")
            case 6:
                now += .milliseconds(chance(200))
            default:
                let all = waiting[.fresh]! + waiting[.background]!
                guard let ticket = all.randomElement(using: &random) else { break }
                if chance(2) == 0 {
                    lanes.leave(ticket, now: now)
                    for lane in waiting.keys { waiting[lane]!.removeAll { $0 == ticket } }
                } else if let subject = subjects[ticket] {
                    lanes.raise([subject])
                    let raised = waiting[.background]!.filter { subjects[$0] == subject }
                    waiting[.background]!.removeAll { raised.contains($0) }
                    waiting[.fresh]! += raised
                }
            }
            if waiting[.background]!.isEmpty { backgroundStarved = 0 }
            #expect(lanes.waiting == waiting.values.map(\.count).reduce(0, +), "seed \(seed), step \(step)")
            let allowed = Double(burst) + now / .seconds(1) * qps + 0.01
            #expect(Double(sent - givenBack) <= allowed, "seed \(seed), step \(step): above the rate")
        }
    }

    /// One task asks how urgent its request is, enters, and asks again. Another task makes the request urgent and
    /// raises it. The steps come in any order, as in the operator, where the queue and the limiter have a lock each.
    @Test("A request that becomes fresh at any moment never waits in the background lane", arguments: 0..<10)
    func raisedWhileEntering(seed: UInt64) throws {
        var random = Generator(state: seed)
        func chance(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }
        struct Request {
            var subject: String
            var asked: RequestPriority?
            var ticket: RequestLanes.Ticket?
            var isSettled = false
        }
        var lanes = RequestLanes(TokenBucket(qps: 10, burst: 1, now: .zero))
        var now = Duration.zero
        var requests: [Request] = []
        var fresh: Set<String> = []
        var toRaise: [String] = []
        for step in 0..<2_000 {
            switch chance(8) {
            case 0: if requests.count < 12 { requests.append(Request(subject: "\(step)")) }
            case 1...3:
                guard let index = requests.indices.randomElement(using: &random) else { break }
                let subject = requests[index].subject
                if requests[index].asked == nil {
                    requests[index].asked = fresh.contains(subject) ? .fresh : .background
                } else if let asked = requests[index].asked, requests[index].ticket == nil {
                    requests[index].ticket = lanes.enter(RequestTurn(asked, subject: subject), now: now)
                    if requests[index].ticket == nil { requests.remove(at: index) }
                } else if !requests[index].isSettled, let ticket = requests[index].ticket {
                    if fresh.contains(subject) { lanes.raise(ticket) }
                    requests[index].isSettled = true
                }
            case 4...5:
                guard let subject = requests.randomElement(using: &random)?.subject else { break }
                if fresh.insert(subject).inserted { toRaise.append(subject) }
            case 6:
                if !toRaise.isEmpty { lanes.raise([toRaise.removeFirst()]) }
            default:
                now += .milliseconds(chance(300))
                for ticket in lanes.hand(now: now) { requests.removeAll { $0.ticket == ticket } }
            }
            for request in requests where request.isSettled && fresh.contains(request.subject) {
                guard !toRaise.contains(request.subject), let ticket = request.ticket else { continue }
                try #require(lanes.lane(of: ticket) == .fresh, "seed \(seed), step \(step): \(request)")
            }
        }
    }

    @Test("A request that becomes fresh right before it enters goes before background ones")
    func freshByNow() async throws {
        let clock = TestClock()
        let limiter = RequestLimiter(.fixed(qps: 1, burst: 1), clock: clock)
        try await limiter.acquire()
        let left = Locked<[String]>([])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, name) in ["first", "second", "raised"].enumerated() {
                group.addTask {
                    try await limiter.acquire(RequestTurn(.background, subject: name) { name == "raised" })
                    left.withLock { $0.append(name) }
                }
                try await Self.wait(for: index + 1, limiter)
            }
            for _ in 0..<3 {
                await clock.sleepers(1)
                clock.advance(by: .seconds(1))
                try await group.next()
            }
        }
        #expect(left.withLock { $0 } == ["raised", "first", "second"])
    }

    private struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    @Test("Many waits, raises and cancellations at once: all callers return, rate kept")
    func storm() async throws {
        let limiter = RequestLimiter(.fixed(qps: 2_000, burst: 1))
        let start = ContinuousClock.now
        let (sent, cancelled) = await withTaskGroup(of: Bool.self) { group in
            for index in 0..<400 {
                group.addTask {
                    let turn = RequestTurn(index.isMultiple(of: 3) ? .fresh : .background, subject: "\(index % 10)")
                    let task = Task { try await limiter.acquire(turn) }
                    if index.isMultiple(of: 5) { task.cancel() }
                    if index.isMultiple(of: 7) { limiter.raise(["\(index % 10)"]) }
                    return (try? await task.value) != nil
                }
            }
            var (sent, cancelled) = (0, 0)
            for await result in group { if result { sent += 1 } else { cancelled += 1 } }
            return (sent, cancelled)
        }
        #expect(sent + cancelled == 400 && sent >= 320)
        #expect(ContinuousClock.now - start > .milliseconds(150))
        #expect(limiter.waiting == 0)
    }

    @Test("Waiting requests leave in their order, and a cancelled one makes room")
    func waiting() async throws {
        let clock = TestClock()
        let limiter = RequestLimiter(.fixed(qps: 1, burst: 1), clock: clock)
        try await limiter.acquire()
        let left = Locked<[Int]>([])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 1...2 {
                group.addTask {
                    try await limiter.acquire()
                    left.withLock { $0.append(index) }
                }
                try await Self.wait(for: index, limiter)
            }
            await clock.sleepers(1)
            clock.advance(by: .seconds(1))
            try await group.next()
            #expect(left.withLock { $0 } == [1])
            group.cancelAll()
            await #expect(throws: CancellationError.self) { try await group.next() }
        }
        #expect(left.withLock { $0 } == [1])
        clock.advance(by: .seconds(1))
        try await limiter.acquire()
    }

    private static func wait(for count: Int, _ limiter: RequestLimiter) async throws {
        while limiter.waiting < count { await Task.yield() }
    }

    @Test("After a stop no request waits for a token, and none gets one")
    func stop() async throws {
        let clock = TestClock()
        let limiter = RequestLimiter(.fixed(qps: 1, burst: 1), clock: clock)
        try await limiter.acquire()
        let refused = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<5 {
                group.addTask {
                    do { try await limiter.acquire() } catch { return true }; return false
                }
            }
            try await Self.wait(for: 5, limiter)
            await clock.sleepers(1)
            limiter.stop()
            var refused = [
                try await group.next(), try await group.next(), try await group.next(), try await group.next(),
            ]
            // The timekeeper sleeps until the next token.
            clock.advance(by: .seconds(1))
            refused.append(try await group.next())
            return refused
        }
        #expect(refused == Array(repeating: true, count: 5))
        #expect(limiter.waiting == 0)
        await #expect(throws: CancellationError.self) { try await limiter.acquire() }
    }

    @Test("A client waits for its limiter, but probes and exempt watches go past it")
    func client() async throws {
        let clock = TestClock()
        let limiter = RequestLimiter(.fixed(qps: 1, burst: 1), clock: clock)
        let transport = ScriptedTransport { request in
            request.url.contains("watch=true") ? .stream(pieces: []) : .json(["gitVersion": "v1"])
        }
        let client = KubeTests.client(transport, limiter: limiter)
        _ = try await client.version()
        _ = try await client.version(isRateLimited: false)
        _ = try await client.text("/readyz", isRateLimited: false)
        _ = try await client.listWatch(Namespace.self, settings: WatchSettings(isRateLimited: false)).watch(from: "1")
        #expect(transport.requests.count == 4)
        try await withThrowingTaskGroup(of: VersionInfo.self) { group in
            group.addTask { try await client.version() }
            await clock.sleepers(1)
            #expect(transport.requests.count == 4)
            clock.advance(by: .seconds(1))
            _ = try await group.next()
        }
        #expect(transport.requests.count == 5)
    }

    @Test("A request that is cancelled while it waits was certainly not sent")
    func cancelled() async throws {
        let clock = TestClock()
        let limiter = RequestLimiter(.fixed(qps: 1, burst: 1), clock: clock)
        try await limiter.acquire()
        let transport = ScriptedTransport()
        let client = KubeTests.client(transport, limiter: limiter)
        await withTaskGroup(of: KubeError?.self) { group in
            group.addTask {
                do throws(KubeError) { _ = try await client.version() } catch { return error }
                return nil
            }
            await clock.sleepers(1)
            group.cancelAll()
            let error = await group.next() ?? nil
            #expect(error?.isCancelled == true)
        }
        #expect(transport.requests.isEmpty)
    }
}
