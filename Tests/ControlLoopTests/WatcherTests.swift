import Kube
import KubeObjects
import TestSupport
import Testing

@testable import ControlLoop

@Suite("Watcher", .timeLimit(.minutes(patience)))
struct WatcherTests {
    let clock = TestClock()
    let server = FakeServer()
    let store = Store<Int>()
    let statuses = Probe<String>()
    let changes = Probe<String>()

    func watcher(_ configuration: WatcherConfiguration = WatcherStateTests.configuration) -> Watcher<Thing, Int> {
        store.subscribe { [changes] in changes.record("\($0.key) \($0.value.map(String.init) ?? "gone")") }
        return Watcher(
            server, into: store, configuration: configuration, timeline: clock.timeline, seed: 1,
            observer: { [statuses] in statuses.record("\($0)".prefix { $0 != "(" }.description) },
            project: { $0.object?.version })
    }

    @Test("It lists, follows, and resumes after the server closed the watch")
    func follows() async {
        let watcher = watcher()
        await running(watcher.run) {
            server.page([Thing("a", 1)], version: 10, continueToken: "more")
            server.page([Thing("b", 2)], version: 10)
            server.answer(.stream)
            await changes.count(2)
            #expect(store.snapshot == [ObjectKey(name: "a"): 1, ObjectKey(name: "b"): 2])
            server.push(.event(.applied(.valid(Thing("c", 11)))))
            server.push(.event(.deleted(.valid(Thing("a", 12)))))
            await changes.count(4)
            #expect(store.snapshot == [ObjectKey(name: "c"): 11, ObjectKey(name: "b"): 2])
            server.push(.end)
            await server.requests.count(4)
            #expect(
                server.requests.all == [
                    .list(continueToken: nil), .list(continueToken: "more"), .watch(from: "10"), .watch(from: "12"),
                ])
        }
    }

    @Test("A list that hangs is given up and tried again")
    func hangingList() async {
        let watcher = watcher()
        await running(watcher.run) {
            let limit = WatcherStateTests.configuration.pageTimeout
            await clock.sleeper(for: limit)
            clock.advance(by: limit)
            await statuses.first { $0 == "failing" }
            await clock.sleeper(for: .seconds(1))
            clock.advance(by: .seconds(1))
            await server.requests.count(2)
            server.page([], version: 1)
            await statuses.first { $0 == "synced" }
        }
    }

    @Test("A page may take longer than its request, whose own limit is at most ten minutes")
    func pageTimeout() {
        #expect(WatcherConfiguration().pageTimeout > .seconds(600))
    }

    @Test("A silent watch is replaced without a list, and an event moves the deadline")
    func silent() async {
        let watcher = watcher()
        await running(watcher.run) {
            server.page([], version: 10)
            server.answer(.stream)
            await clock.sleeper(for: .seconds(135))
            await statuses.first { $0 == "connected" }
            clock.advance(by: .seconds(100))
            server.push(.event(.applied(.valid(Thing("a", 11)))))
            await changes.count(1)
            clock.advance(by: .seconds(35))
            await clock.sleeper(for: .seconds(100))
            #expect(!statuses.all.contains("silent"))
            clock.advance(by: .seconds(100))
            await server.requests.count(3)
            #expect(server.requests.all.last == .watch(from: "11"))
            #expect(statuses.all.last == "silent")
        }
    }

    @Test("A poke ends a backoff and replaces a watch at once")
    func poke() async {
        let watcher = watcher()
        await running(watcher.run) {
            server.answer(.error(.refused))
            await clock.sleeper(for: .seconds(1))
            watcher.poke()
            server.page([], version: 10)
            server.answer(.stream)
            await statuses.first { $0 == "connected" }
            watcher.poke()
            await server.requests.count(4)
            #expect(server.requests.all.suffix(2) == [.watch(from: "10"), .watch(from: "10")])
            #expect(statuses.all == ["failing", "synced", "connected"])
        }
    }

    @Test("A paused watcher sends nothing and keeps its objects; resumed it lists at once")
    func pause() async {
        let watcher = watcher()
        await running(watcher.run) {
            server.page([Thing("a", 1)], version: 10)
            server.answer(.stream)
            await statuses.first { $0 == "connected" }
            watcher.pause()
            await statuses.first { $0 == "paused" }
            clock.advance(by: .seconds(10_000))
            #expect(server.requests.all.count == 2)
            #expect(store.count == 1)
            watcher.resume()
            await server.requests.count(3)
            #expect(server.requests.all.last == .list(continueToken: nil))
            #expect(store.count == 1)
            server.page([Thing("a", 1), Thing("b", 11)], version: 12)
            await server.requests.count(4)
            #expect(server.requests.all.last == .watch(from: "12"))
            #expect(store.count == 2)
        }
    }

    @Test("It ends when cancelled in a list, in backoff, in a watch or while paused")
    func cancelled() async {
        await running(watcher().run) { await server.requests.count(1) }
        server.answer(.error(.refused))
        await running(watcher().run) { await statuses.first { $0 == "failing" } }
        server.page([], version: 1)
        server.answer(.stream)
        await running(watcher().run) { await statuses.first { $0 == "connected" } }
        let paused = watcher()
        paused.pause()
        await running(paused.run) { await statuses.first { $0 == "paused" } }
    }

    @Test("An object that does not fit its type reaches the projection and stops nothing")
    func malformed() async {
        let kept = Store<Decoded<Thing>>()
        let watcher = Watcher(server, into: kept, timeline: clock.timeline)
        let seen = Probe<ObjectKey>()
        kept.subscribe { seen.record($0.key) }
        await running(watcher.run) {
            server.page([], version: 10)
            server.answer(.stream)
            var metadata = ObjectMeta(name: "bad")
            metadata.resourceVersion = "11"
            server.push(.event(.applied(.malformed(metadata, .init(path: "spec", message: "no")))))
            server.push(.event(.applied(.valid(Thing("good", 12)))))
            await seen.count(2)
            #expect(kept[ObjectKey(name: "bad")]?.object == nil)
            #expect(kept.count == 2)
        }
    }
}
