import TestSupport
import Testing

@testable import ControlLoop

@Suite("Leader elector", .timeLimit(.minutes(patience)))
struct LeaderElectorTests {
    let clock = TestClock()
    let store = MemoryLeaseStore()
    let events = Probe<LeaderElector.Event>()

    func elector(_ identity: String, clock: TestClock? = nil, events: Probe<LeaderElector.Event>? = nil)
        -> LeaderElector
    {
        LeaderElector(
            store, identity: identity, configuration: ElectionConfiguration(jitter: 0),
            timeline: (clock ?? self.clock).timeline, seed: 1,
            observer: { [events = events ?? self.events] in events.record($0) })
    }

    /// Runs an elector whose leaders show up in the probe and lead until they are cancelled.
    func run(_ elector: LeaderElector, _ leaders: Probe<Leadership>) -> @Sendable () async -> Void {
        {
            do {
                try await elector.run { leadership in
                    leaders.record(leadership)
                    await Signal().wait(past: 0)
                }
            } catch {
                Issue.record(error)
            }
        }
    }

    /// The first renewal hangs and is given up after half of what a renewal has; another one is tried, 9 s after the start.
    private func hang(then fault: MemoryLeaseStore.Fault?) async {
        store.fault = .hang
        await clock.sleeper(for: .seconds(2))
        clock.advance(by: .seconds(2))
        await store.requests.count(3)
        store.fault = fault
        await clock.sleeper(for: .seconds(5))
        clock.advance(by: .seconds(5))
        await clock.sleeper(for: .seconds(2))
        clock.advance(by: .seconds(2))
        await store.requests.count(4)
    }

    @Test("It leads once elected, renews, and releases the lease when cancelled")
    func leads() async throws {
        let leaders = Probe<Leadership>()
        try await running(run(elector("a"), leaders)) {
            let leadership = try #require(await leaders.first())
            for _ in 0..<20 {
                await clock.sleeper(for: .seconds(2))
                let before = store.requests.all.count
                clock.advance(by: .seconds(2))
                await store.requests.count(before + 1)
                #expect(leadership.isValid)
            }
            #expect(store.lease?.holder == "a")
        }
        #expect(store.lease?.holder == "")
        #expect(leaders[0]?.isValid == false)
        #expect(events.all == [.holder("a"), .elected(transitions: 0), .released])
    }

    @Test("If the server does not answer, the term ends by itself and the work is cancelled")
    func hangs() async throws {
        let leaders = Probe<Leadership>()
        try await running(run(elector("a"), leaders)) {
            let leadership = try #require(await leaders.first())
            await hang(then: .hang)
            await clock.sleeper(for: .seconds(1))
            clock.advance(by: .seconds(0.9))
            #expect(leadership.isValid)
            clock.advance(by: .seconds(0.1))
            #expect(!leadership.isValid)
            await events.first { $0 == .lost }
            store.fault = nil
            // The release hangs for a while, then it contends again and is elected again: with another term.
            while leaders.all.count < 2 {
                await clock.advanceToNextSleeper()
                await Task.yield()
            }
            #expect(leaders[1]?.isValid == true && !leadership.isValid)
        }
    }

    @Test("A renewal that hangs on a dead connection does not cost the term")
    func hangsOnce() async throws {
        let leaders = Probe<Leadership>()
        try await running(run(elector("a"), leaders)) {
            let leadership = try #require(await leaders.first())
            await hang(then: nil)
            await clock.sleeper(for: .seconds(2))
            clock.advance(by: .seconds(1.5))
            #expect(leadership.isValid && leaders.all.count == 1, "10.5 s after it was elected")
        }
    }

    @Test("A paused leader finds its term over when it wakes, before it sees the new leader")
    func paused() async throws {
        let (sleeping, other) = (TestClock(), TestClock())
        let (mine, others) = (Probe<Leadership>(), Probe<Leadership>())
        try await running(run(elector("a", clock: sleeping), mine)) {
            let leadership = try #require(await mine.first())
            // While a is paused nothing of it runs; b's time goes on until it takes over.
            await running(run(elector("b", clock: other, events: Probe()), others)) {
                while others.all.isEmpty {
                    await other.advanceToNextSleeper()
                    await Task.yield()
                }
                #expect(store.lease?.holder == "b" && store.lease?.transitions == 1)
                // a wakes: its clock counted the pause.
                sleeping.advance(by: .seconds(60))
                #expect(!leadership.isValid)
                await events.first { $0 == .lost }
                await events.first { $0 == .holder("b") }
                #expect(mine.all.count == 1)
                #expect(store.lease?.holder == "b")
            }
        }
    }

    @Test("A candidate goes on trying while the server refuses, and leads when it is back")
    func refused() async {
        store.fault = .refuse
        let leaders = Probe<Leadership>()
        await running(run(elector("a"), leaders)) {
            for attempt in 1...5 {
                await store.requests.count(attempt)
                await clock.sleeper(for: .seconds(2))
                clock.advance(by: .seconds(2))
            }
            await store.requests.count(6)
            await clock.sleeper(for: .seconds(2))
            store.fault = nil
            clock.advance(by: .seconds(2))
            await leaders.count(1)
        }
    }

    @Test("When the work ends or fails, the lease is released and the elector ends")
    func ends() async throws {
        try await elector("a").run { #expect($0.isValid) }
        #expect(store.lease?.holder == "")
        struct Broken: Error {}
        await #expect(throws: Broken.self) { try await elector("b").run { _ in throw Broken() } }
        #expect(store.lease?.holder == "" && store.lease?.transitions == 1)
    }

    @Test("A renewal whose answer was lost does not keep the lease from being released")
    func releasesAfterLostAnswer() async throws {
        try await elector("a").run { _ in
            await clock.sleeper(for: .seconds(2))
            store.fault = .loseAnswer
            clock.advance(by: .seconds(2))
            await events.first { $0 == .failed("answer lost") }
            store.fault = nil
        }
        #expect(store.lease?.holder == "")
        #expect(events.all.last == .released)
    }

    @Test("A revoked leadership can't be extended, and identities are unique")
    func revoked() {
        let leadership = Leadership(until: .seconds(5), timeline: clock.timeline)
        #expect(leadership.extend(until: .seconds(9)))
        clock.advance(by: .seconds(9))
        #expect(!leadership.extend(until: .seconds(50)))
        #expect(!leadership.isValid)
        #expect(Leadership.unlimited().isValid)
        #expect(LeaderElector.uniqueIdentity() != LeaderElector.uniqueIdentity())
        #expect(LeaderElector.uniqueIdentity().split(separator: "-").last?.count == 12)
    }
}
