import HTTP
import JSON
import KubeObjects
import Support
import TestSupport
import Testing

@testable import Kube

@Suite("Requests in flight")
struct FlightWindowTests {
    /// Answers as many writes as the window is wide.
    private func round(_ window: inout FlightWindow, _ took: Duration, at now: Duration, isFull: Bool = true) {
        if isFull { window.isNeeded() }
        for _ in 0..<max(window.limit, 8) { window.answered(after: took, now: now) }
    }

    @Test("The window grows while answers are quick, up to its largest")
    func grows() {
        var window = FlightWindow()
        #expect(window.limit == 32)
        var limits: [Int] = []
        for second in 0..<4 {
            round(&window, .milliseconds(5), at: .seconds(second))
            limits.append(window.limit)
        }
        #expect(limits == [41, 52, 64, 64])
    }

    @Test("A window that was wide enough stays as it is")
    func wideEnough() {
        var window = FlightWindow()
        for second in 0..<10 { round(&window, .milliseconds(5), at: .seconds(second), isFull: false) }
        #expect(window.limit == 32)
    }

    @Test("A server that slows down gets fewer requests, but eight if it is only slow")
    func slows() {
        var window = FlightWindow()
        round(&window, .milliseconds(5), at: .zero)
        var limits: [Int] = []
        for second in 1...7 {
            round(&window, .milliseconds(300), at: .seconds(second))
            limits.append(window.limit)
        }
        #expect(limits == [28, 20, 14, 9, 8, 8, 8])
        for second in 8...10 { round(&window, .milliseconds(6), at: .seconds(second)) }
        #expect(window.limit == 19)
    }

    @Test("Three times a short time does not count as slow")
    func smallTimes() {
        var window = FlightWindow()
        round(&window, .milliseconds(1), at: .zero)
        round(&window, .milliseconds(40), at: .seconds(1))
        #expect(window.limit == 52)
    }

    @Test("What a server could do two minutes ago is forgotten")
    func forgets() {
        var window = FlightWindow()
        round(&window, .milliseconds(5), at: .zero)
        for _ in 0..<6 { round(&window, .milliseconds(300), at: .seconds(70)) }
        #expect(window.limit == 8)
        round(&window, .milliseconds(300), at: .seconds(130))
        #expect(window.limit == 11)
    }

    @Test("A 429 halves the window, once a second, down to one")
    func refused() {
        var window = FlightWindow()
        for _ in 0..<10 { window.refused(retryAfter: nil, now: .zero) }
        #expect(window.limit == 16)
        for second in 1...10 { window.refused(retryAfter: nil, now: .seconds(second)) }
        #expect(window.limit == 1)
    }

    @Test(
        "Retry-After closes the window for so long, and for a minute at most",
        arguments: [(2, 2), (4_000, 60), (-5, 0)])
    func retryAfter(asked: Int, kept: Int) {
        var window = FlightWindow()
        for _ in 0..<2 { window.refused(retryAfter: .seconds(asked), now: .seconds(10)) }
        #expect(window.closedUntil == .seconds(10 + kept))
        window.refused(retryAfter: nil, now: .seconds(10))
        #expect(window.closedUntil == .seconds(10 + kept))
    }

    @Test("One refused object among others closes nothing")
    func oneObject() {
        var window = FlightWindow()
        for second in 0..<3 {
            window.refused(retryAfter: .seconds(30), now: .seconds(second))
            window.answered(after: .milliseconds(5), now: .seconds(second))
        }
        #expect(window.closedUntil == .zero)
    }

    @Test("A place that an answer leaves goes to a fresh request first")
    func pace() {
        var lanes = RequestLanes(RequestPace(.window(FlightWindow())))
        for _ in 0..<32 { _ = lanes.enter(RequestTurn(), now: .zero) }
        let background = lanes.enter(RequestTurn(.background), now: .zero)
        let fresh = lanes.enter(RequestTurn(.fresh), now: .zero)
        #expect(background != nil && fresh != nil)
        #expect(lanes.hand(now: .seconds(100)).isEmpty)
        #expect(lanes.delay(now: .seconds(100)) == nil)
        lanes.finished(.silent, now: .seconds(100))
        #expect(lanes.hand(now: .seconds(100)) == [fresh])
        lanes.finished(.silent, now: .seconds(100))
        #expect(lanes.hand(now: .seconds(100)) == [background])
        #expect(lanes.pace.inFlight == 32)
    }

    @Test(
        "Random schedules never exceed the window or leave a waiter beside a free place",
        arguments: 0..<10)
    func model(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var lanes = RequestLanes(RequestPace(.window(FlightWindow())))
        var now = Duration.zero
        var (out, waiting) = (0, Set<RequestLanes.Ticket>())
        for step in 0..<20_000 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0...4:
                if let ticket = lanes.enter(RequestTurn(), now: now) { waiting.insert(ticket) } else { out += 1 }
            case 5...7 where out > 0:
                out -= 1
                let took = Duration.milliseconds(Int.random(in: 1...200, using: &random))
                lanes.finished(.answered(after: took), now: now)
            case 8 where out > 0:
                out -= 1
                let pause = Bool.random(using: &random) ? Duration.milliseconds(50) : nil
                lanes.finished(.refused(retryAfter: pause), now: now)
            case 9:
                guard let ticket = waiting.first else { break }
                waiting.remove(ticket)
                lanes.leave(ticket, now: now)
            default: now += .milliseconds(Int.random(in: 0..<30, using: &random))
            }
            for ticket in lanes.hand(now: now) {
                #expect(waiting.remove(ticket) != nil, "seed \(seed), step \(step)")
                out += 1
            }
            #expect(lanes.pace.inFlight == out, "seed \(seed), step \(step)")
            #expect(lanes.waiting == waiting.count, "seed \(seed), step \(step)")
            #expect(waiting.isEmpty || lanes.delay(now: now) != .zero, "seed \(seed), step \(step): one was left")
        }
    }

    // MARK: The limiter

    private static let fair: HTTPHeaders = ["X-Kubernetes-PF-FlowSchema-UID": "1"]

    @Test("The headers of priority and fairness turn the rate into a window, and back")
    func follows() async throws {
        let isFair = Locked(true)
        let transport = ScriptedTransport { _ in
            .json(["gitVersion": "v1"], headers: isFair.withLock { $0 } ? Self.fair : [:])
        }
        let limiter = RequestLimiter(.followsServer, clock: TestClock())
        let client = client(transport, limiter: limiter)
        #expect(limiter.window == nil)
        _ = try await client.version(isRateLimited: false)
        #expect(limiter.window == 32)
        isFair.withLock { $0 = false }
        _ = try await client.version()
        #expect(limiter.window == nil)
    }

    @Test("A number in the spec is kept to, whatever the server answers")
    func fixed() async throws {
        let transport = ScriptedTransport { _ in
            .json(["gitVersion": "v1"], headers: Self.fair)
        }
        let limiter = RequestLimiter(.fixed(qps: 1, burst: 1), clock: TestClock())
        _ = try await client(transport, limiter: limiter).version()
        #expect(limiter.window == nil)
    }

    @Test("Retry-After holds back the requests that wait, and then they go")
    func pauses() async throws {
        let clock = TestClock()
        let limiter = RequestLimiter(.followsServer, clock: clock)
        limiter.saw(isFair: true)
        for _ in 0..<2 {
            try await limiter.acquire()
            limiter.finished(.refused(retryAfter: .seconds(2)))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<3 { group.addTask { try await limiter.acquire() } }
            while limiter.waiting < 3 { await Task.yield() }
            for _ in 0..<2 {
                await clock.sleepers(1)
                #expect(limiter.waiting == 3)
                clock.advance(by: .seconds(1))
            }
            try await group.waitForAll()
        }
        #expect(limiter.waiting == 0 && limiter.window == 16)
    }

    @Test("Each answer lets the next request out, without a timekeeper")
    func handsOver() async throws {
        let limiter = RequestLimiter(.followsServer, clock: TestClock())
        limiter.saw(isFair: true)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    try await limiter.acquire()
                    await Task.yield()
                    limiter.finished(.silent)
                }
            }
            try await group.waitForAll()
        }
        #expect(limiter.waiting == 0)
    }

    @Test("A request that is cancelled while it waits for an answer frees its place")
    func cancelled() async throws {
        let limiter = RequestLimiter(.followsServer, clock: TestClock())
        limiter.saw(isFair: true)
        for _ in 0..<32 { try await limiter.acquire() }
        let isRefused = await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                do { try await limiter.acquire() } catch { return true }; return false
            }
            while limiter.waiting < 1 { await Task.yield() }
            group.cancelAll()
            return await group.next() ?? false
        }
        #expect(isRefused)
        limiter.finished(.silent)
        try await limiter.acquire()
    }

    @Test("A 429 of an admission webhook says nothing of the server", arguments: [true, false])
    func webhook(isOfWebhook: Bool) async throws {
        let message = isOfWebhook ? "admission webhook \"a.b\" denied the request: busy" : "Too many requests"
        let transport = ScriptedTransport { _ in
            let status: JSON = ["kind": "Status", "status": "Failure", "code": 429, "message": .string(message)]
            return .json(status, status: 429, headers: ["Retry-After": "1"])
        }
        let limiter = RequestLimiter(.followsServer, clock: TestClock())
        limiter.saw(isFair: true)
        let client = client(transport, limiter: limiter)
        _ = try await failure { try await client.version() }
        #expect(limiter.window == (isOfWebhook ? 32 : 16))
    }
}
