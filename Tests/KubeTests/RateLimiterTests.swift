import HTTP
import JSON
import KubeObjects
import Support
import Testing

@testable import Kube

@Suite("Rate limiter")
struct RateLimiterTests {
    @Test("A burst goes at once, the rest at the rate")
    func bucket() {
        var bucket = TokenBucket(qps: 10, burst: 3, now: .zero)
        #expect((0..<3).map { _ in bucket.reserve(now: .zero) } == [.zero, .zero, .zero])
        #expect(
            (1...3).map { _ in bucket.reserve(now: .zero) } == [
                .milliseconds(100), .milliseconds(200), .milliseconds(300),
            ])
        #expect(bucket.reserve(now: .milliseconds(400)) == .zero)
    }

    @Test("Rest fills the bucket no further than the burst, and time that goes back changes nothing")
    func limits() {
        var bucket = TokenBucket(qps: 10, burst: 2, now: .zero)
        #expect(bucket.reserve(now: .seconds(1000)) == .zero)
        #expect(bucket.reserve(now: .seconds(1000)) == .zero)
        #expect(bucket.reserve(now: .seconds(5)) == .milliseconds(100))
    }

    @Test("A token that is given back serves the next one")
    func cancel() {
        var bucket = TokenBucket(qps: 1, burst: 1, now: .zero)
        _ = bucket.reserve(now: .zero)
        #expect(bucket.reserve(now: .zero) == .seconds(1))
        bucket.cancel(now: .zero)
        #expect(bucket.reserve(now: .zero) == .seconds(1))
        for _ in 0..<10 { bucket.cancel(now: .zero) }
        #expect(bucket.tokens == 1)
    }

    @Test(
        "Rates that make no sense neither divide by zero nor let everything through",
        arguments: [0, -5, .nan, .infinity])
    func nonsense(qps: Double) {
        var bucket = TokenBucket(qps: qps, burst: -1, now: .zero)
        #expect(bucket.reserve(now: .zero) == .zero)
        #expect(bucket.reserve(now: .zero) >= .zero)
    }

    @Test("Waiters leave in the order they came, and one that is cancelled makes room")
    func waiting() async throws {
        let clock = ManualClock()
        let limiter = RateLimiter(qps: 1, burst: 1, clock: clock)
        try await limiter.acquire()
        let left = Locked<[Int]>([])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 1...2 {
                group.addTask {
                    try await limiter.acquire()
                    left.withLock { $0.append(index) }
                }
                await clock.sleepers(index)
            }
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

    @Test("A client waits for its limiter, but probes and exempt watches go past it")
    func client() async throws {
        let clock = ManualClock()
        let limiter = RateLimiter(qps: 1, burst: 1, clock: clock)
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

    @Test("A request that is cancelled while it waits was surely not sent")
    func cancelled() async throws {
        let clock = ManualClock()
        let limiter = RateLimiter(qps: 1, burst: 1, clock: clock)
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
            #expect(error?.mayHaveBeenProcessed == false)
        }
        #expect(transport.requests.isEmpty)
    }
}
