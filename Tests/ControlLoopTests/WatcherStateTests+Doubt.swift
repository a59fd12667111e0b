import KubeObjects
import Testing

@testable import ControlLoop

/// Lists and events that are not believed at once.
extension WatcherStateTests {
    @Test("A list that would remove many objects is believed only after two more lists")
    func bulkRemoval() {
        var world = World.watching(Self.names(8))
        world.fail(.status(410))
        _ = world.next()
        world.page(["o0"], "200")
        for confirmation in 1...2 {
            #expect(world.names?.count == 8)
            #expect(world.next() == "wait 15")
            world.now += .seconds(15)
            #expect(world.next() == "list")
            world.page(["o0"], "20\(confirmation)")
        }
        #expect(world.statuses == ["suspicious 0", "suspicious 1", "confirmed", "synced 1"])
        #expect(world.names == ["o0"])
        #expect(world.next() == "watch 202")
    }

    @Test("A good list ends the suspicion, and a later suspicion starts from nothing")
    func clears() {
        var world = World.watching(Self.names(8))
        for _ in 0..<2 {
            world.fail(.status(410))
            while world.next() != "list" { world.now += .seconds(60) }
            world.page([], "200")
            #expect(world.statuses.last == "suspicious 0")
            world.now += .seconds(15)
            #expect(world.next() == "list")
            world.page(Self.names(8), "200")
            #expect(world.names?.count == 8)
            #expect(world.next() == "watch 200")
        }
    }

    @Test("Pokes, errors and a pause do not make an empty list believed sooner")
    func notSooner() {
        var world = World.watching(Self.names(8))
        world.fail(.status(410))
        _ = world.next()
        world.page([], "200")
        for _ in 0..<10 {
            world.state.poke(now: world.now)
            #expect(world.next() == "list")
            world.page([], "200")
            world.state.pause()
            world.state.resume()
            #expect(world.next() == "list")
            world.fail(.refused)
        }
        #expect(world.names?.count == 8)
        #expect(!world.statuses.contains("suspicious 1"))
    }

    @Test("An empty list is suspicious for a store of two; a few removals are not")
    func small() {
        var world = World.watching(["a", "b"])
        world.fail(.status(410))
        _ = world.next()
        world.page([], "200")
        #expect(world.names == ["a", "b"])

        var other = World.watching(Self.names(4))
        other.fail(.status(410))
        _ = other.next()
        other.page(["o0", "o1"], "200")
        #expect(other.names == ["o0", "o1"])
    }

    @Test(
        "A list of a lower version is not believed at once; only numbers are compared"
    )
    func wentBack() {
        var world = World.watching(["a"])
        world.event(.bookmark(resourceVersion: "900"))
        world.fail(.status(410))
        _ = world.next()
        world.page(["a"], "899")
        #expect(world.statuses == ["following", "suspicious 0"])

        var opaque = World()
        _ = opaque.next()
        opaque.page(["a"], "zz")
        _ = opaque.next()
        opaque.fail(.status(410))
        _ = opaque.next()
        opaque.page(["b"], "aa")
        #expect(opaque.names == ["b"])
    }

    @Test("An event older than the watch's start is not believed: it leads to a list")
    func oldEvent() {
        var world = World.watching(["a"])
        world.event(.deleted(ObjectKey(name: "a"), resourceVersion: "50"))
        #expect(world.names == ["a"])
        #expect(world.next() == "wait 1")
        world.now = .seconds(1)
        #expect(world.next() == "list")
    }
}
