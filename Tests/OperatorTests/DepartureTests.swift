import ControlLoop
import JSON
import Kube
import KubeObjects
import Support
import TestSupport
import Testing

@testable import Operator

private func key(_ name: String) -> ObjectKey { ObjectKey(namespace: "flyte", name: name) }
private func seconds(_ number: Int) -> Duration { .seconds(number) }

@Suite("Objects that are gone")
struct DepartureTests {
    /// A store of texts, and what is said of it.
    private struct Bench {
        var departures = Departures<String>()
        var held: [ObjectKey: String] = [key("a"): "1", key("b"): "2"]

        mutating func take(_ update: StoreUpdate<String>, _ now: Int) {
            let updates = departures.take(update, held: held, now: seconds(now)) { $0 == $1 }
            apply(updates)
        }
        mutating func apply(_ updates: [StoreUpdate<String>]) {
            for update in updates {
                switch update {
                case .replace(let new): held = new
                case .set(let key, let value): held[key] = value
                case .remove(let key): held[key] = nil
                }
            }
        }
        mutating func listed(start: Int) {
            let updates = departures.listed(start: seconds(start), now: seconds(start))
            apply(updates)
        }
        var names: [String] { held.keys.map(\.name).sorted() }
    }

    @Test("A deleted object counts for ten seconds more, and until a list after that")
    func grace() {
        var bench = Bench()
        bench.take(.remove(key("a")), 100)
        #expect(bench.names == ["a", "b"] && bench.departures.nextLook == seconds(110))
        bench.listed(start: 109)
        #expect(bench.names == ["a", "b"], "that list began too early")
        bench.departures.failed(now: seconds(110))
        #expect(bench.names == ["a", "b"] && bench.departures.nextLook == seconds(115))
        bench.listed(start: 115)
        #expect(bench.names == ["b"] && bench.departures.nextLook == nil)
    }

    @Test("A list that lacks an object is as good as its deletion")
    func relist() {
        var bench = Bench()
        bench.take(.replace([key("b"): "3"]), 100)
        #expect(bench.held == [key("a"): "1", key("b"): "3"] && bench.departures.nextLook == seconds(110))
        bench.take(.replace([key("b"): "3"]), 105)
        #expect(bench.departures.nextLook == seconds(110), "the time counts from the first list that lacked it")
        bench.listed(start: 110)
        #expect(bench.names == ["b"])
    }

    @Test("While the kind is missing everything stays, however long that is")
    func missingKind() {
        var bench = Bench()
        bench.take(.remove(key("a")), 100)
        bench.take(.remove(key("b")), 100)
        bench.departures.kindIsMissing(now: seconds(101))
        #expect(bench.departures.isKindMissing && bench.departures.nextLook == seconds(106))
        bench.departures.kindIsMissing(now: seconds(9_000))
        #expect(bench.names == ["a", "b"])
        bench.listed(start: 9_010)
        #expect(!bench.departures.isKindMissing && bench.names == ["a", "b"])
        // What is applied again after the kind is back was never away.
        bench.take(.set(key("a"), "1"), 9_030)
        bench.listed(start: 9_069)
        #expect(bench.names == ["a", "b"])
        bench.listed(start: 9_070)
        #expect(bench.names == ["a"])
    }

    @Test("An object that comes back in time was never away")
    func returns() {
        var bench = Bench()
        bench.take(.remove(key("a")), 100)
        bench.take(.set(key("a"), "5"), 105)
        #expect(bench.departures.gone.isEmpty && bench.held[key("a")] == "5")
        bench.listed(start: 200)
        #expect(bench.names == ["a", "b"])
    }

    @Test("An object that takes the place of one that is gone ends the wait")
    func replacement() {
        var bench = Bench()
        bench.take(.remove(key("a")), 100)
        bench.take(.set(key("c"), "1"), 101)
        #expect(bench.names == ["b", "c"] && bench.departures.gone.isEmpty)
        bench.take(.replace([key("c"): "1", key("d"): "2"]), 102)
        #expect(bench.names == ["c", "d"] && bench.departures.gone.isEmpty)
    }

    @Test("The first list is taken as it is")
    func firstList() {
        var departures = Departures<String>()
        let updates = departures.take(.replace([key("x"): "1"]), held: nil, now: .zero)
        guard case .replace(let all)? = updates.first else { return #expect(Bool(false), "it replaces") }
        #expect(all == [key("x"): "1"] && departures.nextLook == nil)
    }
}

@Suite("What keeps a deletion back", .timeLimit(.minutes(5)))
struct DeletionHoldTests {
    private static let notServed = KubeError(
        operation: "list",
        cause: .status(
            APIStatus(code: 404, reason: "NotFound", message: "the server could not find the requested resource")))

    @Test("A deletion is passed on after a list; a missing kind is named until it is back")
    func asks() async throws {
        let clock = TestClock()
        let store = Store<String>()
        let missing = MissingKinds()
        let hold = DeletionHold(
            of: "Thing", into: store, grace: .seconds(10), missing: missing, timeline: Timeline(clock))
        hold.feed.apply(.replace([key("a"): "1"]))
        #expect(!store.isReady, "a list counts when it is complete")
        hold.watch(became: .synced(objects: 1, afterWatchFailure: false))
        #expect(store.snapshot == [key("a"): "1"])
        let isServed = Observed(false)
        let asked = Observed(0)
        await withDiscardingTaskGroup { group in
            group.addTask {
                await hold.run { () async throws(KubeError) in
                    asked.update { $0 += 1 }
                    if !isServed.value { throw Self.notServed }
                }
            }
            hold.feed.apply(.remove(key("a")))
            #expect(hold.hasGone(key("a")) && store[key("a")] == "1")
            await clock.sleepers(1)
            #expect(asked.value == 0)
            clock.advance(by: .seconds(10))
            await asked.wait { $0 == 1 }
            await clock.sleepers(1)
            #expect(missing.names == ["Thing"] && store[key("a")] == "1")
            isServed.update { $0 = true }
            clock.advance(by: .seconds(5))
            await asked.wait { $0 == 2 }
            await clock.sleepers(1)
            #expect(missing.names.isEmpty && store[key("a")] == "1")
            clock.advance(by: .seconds(60))
            await asked.wait { $0 == 3 }
            while store[key("a")] != nil { await Task.yield() }
            #expect(!hold.hasGone(key("a")))
            group.cancelAll()
        }
    }

    @Test("A kind is back when the watch has listed it, not when a list alone succeeds")
    func blindWatch() async throws {
        let clock = TestClock()
        let store = Store<String>()
        let missing = MissingKinds()
        let hold = DeletionHold(
            of: "Thing", into: store, grace: .seconds(10), missing: missing, timeline: Timeline(clock))
        hold.feed.apply(.replace([key("a"): "1"]))
        hold.watch(became: .synced(objects: 1, afterWatchFailure: false))
        hold.feed.apply(.remove(key("a")))
        hold.watch(became: .failing(error: Self.notServed, attempts: 1, retryIn: .seconds(1)))
        let poked = Observed(0)
        await withDiscardingTaskGroup { group in
            group.addTask {
                await hold.run(poke: { poked.update { $0 += 1 } }) { () async throws(KubeError) in }
            }
            for count in 1...20 {
                await clock.sleepers(1)
                clock.advance(by: .seconds(5))
                await poked.wait { $0 >= count }
            }
            #expect(missing.names == ["Thing"] && store[key("a")] == "1")
            group.cancelAll()
        }
        hold.feed.apply(.replace([key("a"): "2"]))
        hold.watch(became: .synced(objects: 1, afterWatchFailure: false))
        #expect(missing.names.isEmpty && store[key("a")] == "2" && !hold.hasGone(key("a")))
    }

    @Test("A watch that the server refuses for want of the kind says so at once")
    func watchSays() {
        let store = Store<String>()
        let missing = MissingKinds()
        let hold = DeletionHold(of: "Thing", into: store, grace: .seconds(10), missing: missing)
        hold.feed.apply(.replace([:]))
        hold.watch(became: .synced(objects: 0, afterWatchFailure: false))
        hold.watch(became: .failing(error: Self.notServed, attempts: 1, retryIn: .seconds(1)))
        #expect(missing.summary?.contains("Thing") == true)
        hold.watch(became: .synced(objects: 0, afterWatchFailure: false))
        #expect(missing.summary == nil)
    }
}
