import HTTP
import Kube
import KubeObjects
import Testing

@testable import ControlLoop

@Suite("Watcher, as a value")
struct WatcherStateTests {
    typealias State = WatcherState<Int>
    static let configuration = WatcherConfiguration(
        backoff: BackoffPolicy(base: .seconds(1), cap: .seconds(30), jitter: .none),
        listGuard: ListGuard(minimumGone: 2, interval: .seconds(15)))

    /// A state and the store that its outputs make.
    struct World {
        var state = State(WatcherStateTests.configuration, seed: 1)
        var store: [ObjectKey: Int]?
        var statuses: [String] = []
        var now = Duration.zero
        var ticket: UInt64 = 0

        mutating func next() -> String {
            switch state.begin(now: now) {
            case .list(let token, let ticket):
                self.ticket = ticket
                return token.map { "list \($0)" } ?? "list"
            case .watch(let from, let ticket):
                self.ticket = ticket
                return "watch \(from)"
            case .wait(let until): return "wait \(Int((until - now).components.seconds))"
            case .park: return "park"
            }
        }

        mutating func take(_ outputs: [State.Output]) {
            for output in outputs {
                switch output {
                case .update(.replace(let all)): store = all
                case .update(.set(let key, let value)): store?[key] = value
                case .update(.remove(let key)): store?[key] = nil
                case .status(.synced(let count, let afterWatchFailure)):
                    statuses.append("synced \(count)\(afterWatchFailure ? ", watch failed" : "")")
                case .status(.connected): statuses.append("connected")
                case .status(.following): statuses.append("following")
                case .status(.failing(_, let attempts, let wait)):
                    statuses.append("failing \(attempts) \(wait.components.seconds)")
                case .status(.silent): statuses.append("silent")
                case .status(.cut): statuses.append("cut")
                case .status(.full(let room)): statuses.append("full \(room)")
                case .status(.suspicious(_, let confirmations)): statuses.append("suspicious \(confirmations)")
                case .status(.confirmed): statuses.append("confirmed")
                case .status(.paused): statuses.append("paused")
                }
            }
        }

        mutating func page(_ names: [String], _ version: String, more token: String? = nil, ticket: UInt64? = nil) {
            let held = store ?? [:]
            let page = State.Page(
                items: names.map { (ObjectKey(name: $0), 1) }, resourceVersion: version, continueToken: token)
            take(
                state.received(page, ticket ?? self.ticket, now: now) { list in
                    ListCensus(held: held.count, listed: list.count, gone: held.keys.count { list[$0] == nil })
                })
        }
        mutating func event(_ event: State.Event) { take(state.received(event, ticket, now: now)) }
        mutating func fail(_ error: KubeError) { take(state.failed(error, ticket, now: now)) }
        mutating func end() { take(state.ended(ticket, now: now)) }
        mutating func fallSilent() { take(state.fellSilent(ticket, now: now)) }
        mutating func bookmark(_ version: String) { event(.bookmark(resourceVersion: version)) }
        mutating func open() { take(state.opened(ticket, now: now)) }

        var names: [String]? { store.map { $0.keys.map(\.name).sorted() } }

        /// Listed with these objects and following from version 100.
        static func watching(_ names: [String]) -> World {
            var world = World()
            _ = world.next()
            world.page(names, "100")
            _ = world.next()
            world.open()
            world.statuses = []
            return world
        }
    }

    static func names(_ count: Int) -> [String] { (0..<count).map { "o\($0)" } }

    @Test("Pages become visible at once, and the watch starts at the first page's version")
    func pages() {
        var world = World()
        #expect(world.next() == "list")
        world.page(["a"], "5", more: "t1")
        #expect(world.store == nil)
        #expect(world.next() == "list t1")
        world.page(["b"], "5", more: "t2")
        #expect(world.store == nil)
        #expect(world.next() == "list t2")
        world.page(["c"], "5")
        #expect(world.names == ["a", "b", "c"])
        #expect(world.statuses == ["synced 3"])
        #expect(world.next() == "watch 5")
    }

    @Test("An expired continue token starts the list over, and the half list is forgotten")
    func expiredToken() {
        var world = World()
        _ = world.next()
        world.page(["old"], "5", more: "t1")
        _ = world.next()
        world.fail(.status(410))
        #expect(world.next() == "list")
        world.page(["new"], "9")
        #expect(world.names == ["new"])
    }

    @Test("A token that expires again and again is asked for with backoff")
    func expiresForEver() {
        var world = World()
        for expected in ["list", "list", "wait 2", "wait 4"] {
            let step = world.next()
            #expect(step == expected)
            if step != "list" {
                world.now += .seconds(100)
                #expect(world.next() == "list")
            }
            world.page(["a"], "5", more: "t")
            _ = world.next()
            world.fail(.status(410))
        }
    }

    @Test("Events change the store one by one; a bookmark moves the version only")
    func events() {
        var world = World.watching(["a"])
        world.event(.applied(ObjectKey(name: "b"), 2, resourceVersion: "101"))
        world.event(.applied(ObjectKey(name: "a"), 3, resourceVersion: "102"))
        world.event(.deleted(ObjectKey(name: "b"), resourceVersion: "103"))
        world.event(.bookmark(resourceVersion: "150"))
        #expect(world.store == [ObjectKey(name: "a"): 3])
        world.end()
        #expect(world.next() == "watch 150")
        #expect(world.statuses == ["following"])
    }

    @Test("An object that the projection no longer wants leaves the store")
    func filtered() {
        var world = World.watching(["a"])
        world.event(.applied(ObjectKey(name: "a"), nil, resourceVersion: "101"))
        #expect(world.store == [:])
    }

    @Test("A watch that ends in good order goes on where it was, without a list")
    func resumes() {
        var world = World.watching(["a"])
        world.now = .seconds(250)
        world.bookmark("150")
        world.now = .seconds(300)
        world.end()
        #expect(world.next() == "watch 150")
    }

    @Test("A version without a sign of life for long is listed again, over several watches")
    func quietForLong() {
        var world = World.watching(["a"])
        for _ in 0..<2 {
            world.now += .seconds(60)
            world.end()
            #expect(world.next() == "watch 100")
            world.open()
        }
        world.now += .seconds(60)
        world.end()
        #expect(world.next() == "list")
        world.page(["a"], "100")
        #expect(world.next() == "watch 100")
    }

    @Test("A server that closes every watch at once is asked with backoff")
    func closesAtOnce() {
        var world = World.watching(["a"])
        world.end()
        #expect(world.next() == "wait 1")
        world.now = .seconds(1)
        #expect(world.next() == "watch 100")
        world.end()
        #expect(world.next() == "wait 2")
    }

    @Test("After 410 on a watch it lists again, the store stays readable, repeats back off")
    func gone() {
        var world = World.watching(["a"])
        world.fail(.status(410))
        #expect(world.next() == "list")
        #expect(world.names == ["a"])
        world.page(["a", "b"], "200")
        #expect(world.next() == "watch 200")
        world.fail(.status(410))
        #expect(world.next() == "wait 2")
    }

    @Test(
        "Each failure of a watch says whether its version can be resumed",
        arguments: [
            (KubeError.refused, "list"), (.status(500), "watch 100"), (.status(401), "watch 100"),
            (.status(429), "watch 100"), (.status(400), "list"), (.status(404), "list"),
            (.status(504, cause: "ResourceVersionTooLarge"), "list"), (.status(504), "watch 100"),
            (KubeError(operation: "", cause: .unexpectedAnswer("not JSON")), "list"),
        ])
    func failures(error: KubeError, expected: String) {
        var world = World.watching(["a"])
        world.fail(error)
        #expect(world.next() == "wait 1")
        world.now = .seconds(1)
        #expect(world.next() == expected)
        #expect(world.names == ["a"])
    }

    @Test("Errors back off longer each time, honour Retry-After, and end with an event")
    func backoff() {
        var world = World.watching([])
        for (error, wait) in [
            (KubeError.status(500), 1), (.status(503), 2), (.status(429, retryAfter: .seconds(20)), 20),
            (.status(429, retryAfter: .seconds(1_000_000)), 120),
        ] {
            world.fail(error)
            #expect(world.next() == "wait \(wait)")
            world.now += .seconds(wait)
            #expect(world.next() == "watch 100")
        }
        #expect(world.statuses == ["failing 1 1", "failing 2 2", "failing 3 20", "failing 4 120"])
        world.open()
        world.event(.bookmark(resourceVersion: "101"))
        world.fail(.status(500))
        #expect(world.next() == "wait 1")
    }

    @Test("A watch that is silent past its limit is replaced, and any event moves the limit")
    func silence() {
        var world = World.watching(["a"])
        let limit = Self.configuration.idleLimit
        #expect(world.state.silenceDeadline(world.ticket) == limit)
        world.now = .seconds(100)
        world.event(.bookmark(resourceVersion: "101"))
        #expect(world.state.silenceDeadline(world.ticket) == .seconds(100) + limit)
        world.now = .seconds(100) + limit
        world.fallSilent()
        #expect(world.statuses == ["following", "silent"])
        #expect(world.next() == "watch 101")
    }

    @Test("A watch that never said anything is replaced by a list")
    func neverHeard() {
        var world = World.watching(["a"])
        world.bookmark("900")
        world.now += Self.configuration.idleLimit
        world.fallSilent()
        #expect(world.next() == "watch 900")
        world.open()
        world.now += Self.configuration.idleLimit
        world.fallSilent()
        #expect(world.next() == "list")
        world.page(["a"], "500")
        #expect(world.statuses.last == "suspicious 0")
        #expect(world.names == ["a"])
    }

    @Test("A quiet watch that is cut off again and again after a while does not back off")
    func cutWhileQuiet() {
        var world = World()
        for round in 1...10 {
            #expect(world.next() == "list")
            world.page(["a"], "100")
            #expect(world.next() == "watch 100")
            world.open()
            world.now += .seconds(35)
            if round.isMultiple(of: 2) { world.fail(.refused) } else { world.fail(.status(404)) }
            #expect(world.next() == "wait 1", "round \(round)")
            world.now += .seconds(1)
        }
    }

    @Test("A watch that is cut off sooner, or never answered, backs off longer each time")
    func cutAtOnce() {
        for isAnswered in [true, false] {
            var world = World()
            for wait in [1, 2, 4, 8, 16, 30, 30] {
                #expect(world.next() == "list")
                world.page(["a"], "100")
                _ = world.next()
                if isAnswered { world.open() }
                world.now += .seconds(isAnswered ? 25 : 35)
                world.fail(.refused)
                #expect(world.next() == "wait \(wait)")
                world.now += .seconds(wait)
            }
        }
    }

    @Test("An idle watch that is cut goes on where it was, at once and without a list")
    func cut() {
        var world = World.watching(["a"])
        for round in 1...5 {
            world.event(.applied(ObjectKey(name: "b\(round)"), 1, resourceVersion: "\(100 + round)"))
            world.now += .seconds(20)
            world.fail(.cut)
            #expect(world.statuses.last == "cut")
            #expect(world.next() == "watch \(100 + round)")
            world.open()
        }
        #expect(world.names?.count == 6)
    }

    @Test("A busy watch that is cut is followed by a list: its server may be a restored one")
    func cutWhileBusy() {
        var world = World.watching(["a"])
        world.now += .seconds(20)
        world.event(.applied(ObjectKey(name: "b"), 1, resourceVersion: "101"))
        world.now += .seconds(9)
        world.fail(.cut)
        #expect(world.next() == "wait 1")
        world.now += .seconds(1)
        #expect(world.next() == "list")
    }

    @Test("After a cut and an outage the watcher lists: the server may have been restored")
    func cutAndAway() {
        var world = World.watching(["a"])
        world.now += .seconds(20)
        world.fail(.cut)
        #expect(world.next() == "watch 100")
        world.fail(.refused)
        #expect(world.next() == "wait 1")
        world.now += .seconds(1)
        #expect(world.next() == "list")
    }

    @Test("Watches that are cut before any event can't put off a list for ever")
    func cutUnheard() {
        var world = World.watching(["a"])
        var steps: [String] = []
        for _ in 0..<7 {
            world.now += .seconds(20)
            world.fail(.cut)
            steps.append(world.next())
            world.open()
        }
        #expect(steps == Array(repeating: "watch 100", count: 6) + ["list"])
    }

    @Test("A watch that is cut as soon as it is open backs off")
    func cutInTheBeginning() {
        var world = World.watching(["a"])
        for wait in [1, 2, 4] {
            world.fail(.cut)
            #expect(world.next() == "wait \(wait)")
            world.now += .seconds(wait)
            #expect(world.next() == "list")
            world.page(["a"], "100")
            #expect(world.next() == "watch 100")
            world.open()
        }
    }

    @Test("A list or event with more objects than fit fails, and the store stays as it was")
    func room() {
        var world = World.watching(["a"])
        world.fail(.status(410))
        _ = world.next()
        let page = State.Page(items: Self.names(5).map { (ObjectKey(name: $0), 1) }, resourceVersion: "200")
        let outputs = world.state.received(page, world.ticket, now: world.now, room: 4) { list in
            ListCensus(held: 1, listed: list.count, gone: 0)
        }
        world.take(outputs)
        #expect(world.statuses.suffix(2) == ["full 4", "failing 2 2"])
        #expect(world.names == ["a"])
        let store = Store<Int>()
        #expect(!store.isFull(for: ObjectKey(name: "a")) { 0 })
        store.apply(.replace([ObjectKey(name: "a"): 1]))
        #expect(store.isFull(for: ObjectKey(name: "b")) { 1 })
        #expect(!store.isFull(for: ObjectKey(name: "a")) { 1 })
        #expect(!store.isFull(for: ObjectKey(name: "b")) { 2 })
    }

    @Test("Only the first event or bookmark proves that a watch works, and it says so once")
    func following() {
        var world = World.watching(["a"])
        world.fail(.status(405))
        world.now += .seconds(1)
        for _ in 0..<3 {
            #expect(world.next() == "list")
            world.page(["a"], "100")
            #expect(world.statuses.last == "synced 1, watch failed")
            #expect(world.next() == "watch 100")
            world.open()
            #expect(world.statuses.last == "connected")
            world.fail(.status(405))
            world.now += .seconds(60)
        }
        #expect(!world.statuses.contains("following"))
        _ = world.next()
        world.page(["a"], "100")
        _ = world.next()
        world.bookmark("101")
        world.bookmark("102")
        let told = world.statuses.count { $0 == "following" }
        #expect(told == 1)
        world.fail(.status(410))
        _ = world.next()
        world.page(["a"], "103")
        #expect(world.statuses.last == "synced 1")
    }

    @Test("A watch that lasted long proves itself when it ends")
    func followingByAge() {
        var world = World.watching(["a"])
        world.fail(.status(405))
        world.now += .seconds(1)
        _ = world.next()
        world.page(["a"], "100")
        _ = world.next()
        world.open()
        world.now += .seconds(35)
        world.end()
        #expect(world.statuses.last == "following")
        #expect(world.next() == "watch 100")
    }

    @Test("A watch that lasted until it was silent ends earlier failures, with a good list")
    func overBySilence() {
        var world = World.watching(["a"])
        world.fail(.status(405))
        world.now += .seconds(1)
        _ = world.next()
        world.page(["a"], "100")
        #expect(world.statuses.last == "synced 1, watch failed")
        _ = world.next()
        world.open()
        world.now += Self.configuration.idleLimit
        world.fallSilent()
        #expect(world.next() == "list")
        world.page(["a"], "100")
        #expect(world.statuses.last == "synced 1")
        _ = world.next()
        world.fail(.status(405))
        #expect(world.next() == "wait 1")
    }

    @Test("A good list after a failed one says that the failure is over")
    func listFailure() {
        var world = World.watching(["a"])
        world.fail(.refused)
        world.now += .seconds(1)
        _ = world.next()
        world.fail(.status(500))
        world.now += .seconds(2)
        #expect(world.next() == "list")
        world.page(["a"], "100")
        #expect(world.statuses == ["failing 1 1", "failing 2 2", "synced 1"])
    }

    @Test("A list without a version, or without an end, fails before it fills the memory")
    func endless() {
        var world = World()
        _ = world.next()
        world.page(["a"], "")
        #expect(world.store == nil)
        #expect(world.statuses == ["failing 1 1"])

        var same = World()
        _ = same.next()
        same.page(["a"], "5", more: "t")
        _ = same.next()
        same.page(["b"], "5", more: "t")
        #expect(same.store == nil && same.statuses == ["failing 1 1"])

        var many = World()
        many.state = State(WatcherConfiguration(maximumObjects: 3, maximumPages: 9), seed: 1)
        _ = many.next()
        many.page(Self.names(4), "5")
        #expect(many.store == nil && many.statuses.count == 2)

        var pages = World()
        pages.state = State(WatcherConfiguration(maximumPages: 3), seed: 1)
        for index in 0..<3 {
            _ = pages.next()
            pages.page([], "5", more: "t\(index)")
        }
        #expect(pages.statuses.count == 1)
    }

    @Test("Answers to a step that was given up change nothing")
    func stale() {
        var world = World()
        _ = world.next()
        let old = world.ticket
        world.state.poke(now: world.now)
        world.page(["a"], "5", ticket: old)
        #expect(world.store == nil)
        #expect(world.next() == "list")
        world.page(["b"], "6")
        #expect(world.names == ["b"])
        world.take(world.state.failed(.refused, old, now: .zero))
        #expect(world.next() == "watch 6")
    }

    @Test("A server that fails again and again to go on from a version is asked for a list")
    func stuck() {
        var world = World.watching(["a"])
        for _ in 0..<3 {
            world.fail(.status(500))
            world.now += .seconds(60)
            #expect(world.next() == "watch 100")
        }
        world.fail(.status(500))
        world.now += .seconds(60)
        #expect(world.next() == "list")
    }

    @Test("A poke ends the backoff and resumes; a pause sends nothing until it is resumed")
    func control() {
        var world = World.watching(["a"])
        for _ in 0..<5 {
            world.fail(.status(429))
            world.now += .seconds(20)
            _ = world.next()
        }
        world.fail(.status(429))
        world.state.poke(now: world.now)
        #expect(world.next() == "watch 100")
        world.state.pause()
        #expect(world.next() == "park")
        world.state.poke(now: world.now)
        #expect(world.next() == "park")
        world.state.resume()
        #expect(world.next() == "list")
        #expect(world.names == ["a"])
    }

    @Test("After a pause, a list follows in place of a watch, and is judged like any other")
    func afterPause() {
        var world = World.watching(["a"])
        world.bookmark("900")
        world.state.pause()
        #expect(world.next() == "park")
        world.state.pause()
        world.state.resume()
        #expect(world.next() == "list")
        world.page([], "500")
        #expect(world.statuses.last == "suspicious 0")
        #expect(world.names == ["a"])

        var waiting = World.watching(["a"])
        waiting.fail(.status(500))
        #expect(waiting.next() == "wait 1")
        waiting.state.pause()
        waiting.state.resume()
        #expect(waiting.next() == "list")
        waiting.page(["a"], "100")
        // What the watch had met was before the pause.
        #expect(waiting.statuses.last == "synced 1")
    }

    @Test("Pokes do not put off for ever the list after a long silence")
    func pokedWhileQuiet() {
        var world = World.watching(["a"])
        for _ in 0..<6 {
            world.now += .seconds(20)
            world.state.poke(now: world.now)
            #expect(world.next() == "watch 100")
            world.open()
        }
        world.now += .seconds(20)
        world.state.poke(now: world.now)
        #expect(world.next() == "list")
    }
}
