import ControlLoop
import KubeObjects
import Support
import Testing

@testable import DataPlaneAgent

/// The watch and the answers to our own writes come in any order; for a version that the watch has reached, only the
/// watch is asked.
@Suite("What is observed of a data plane's objects")
struct KindInventoryTests {
    private let key = ObjectKey(namespace: "n", name: "default")
    private let other = ObjectKey(namespace: "n", name: "other")

    private func seen(_ version: UInt64?) -> InventoryEntry {
        InventoryEntry(place: "n", version: version, satisfies: 7)
    }

    private func listed(_ objects: [ObjectKey: InventoryEntry] = [:]) -> KindInventory {
        let observed = KindInventory()
        observed.store.apply(.replace(objects))
        _ = observed.listedAnew()
        return observed
    }

    @Test("An answer counts until the watch shows that version")
    func answerFirst() {
        let observed = listed([key: seen(5)])
        let listing = observed.listing
        #expect(observed.answered(seen(10), key, since: listing))
        #expect(observed[key]?.version == 10)
        observed.store.apply(.set(key, seen(8)))
        #expect(observed[key]?.version == 10)
        observed.store.apply(.set(key, seen(10)))
        observed.store.apply(.remove(key))
        #expect(observed[key] == nil)
    }

    @Test("An answer after the watch showed the object and its end doesn't bring it back")
    func deletedBeforeTheAnswer() {
        let observed = listed()
        let listing = observed.listing
        observed.store.apply(.set(key, seen(10)))
        observed.store.apply(.remove(key))
        #expect(observed.answered(seen(10), key, since: listing))
        #expect(observed[key] == nil)
    }

    @Test("Its end is the end also of an answer that was kept")
    func deletedAfterTheAnswer() {
        let observed = listed([key: seen(5)])
        #expect(observed.answered(seen(10), key, since: observed.listing))
        // Another change ended its selection: a watch reports that with the version before.
        observed.store.apply(.set(key, seen(11)))
        observed.store.apply(.remove(key))
        #expect(observed[key] == nil)
    }

    @Test("An answer is older than any later event, and newer than all earlier ones")
    func events() {
        let observed = listed()
        let listing = observed.listing
        observed.store.apply(.set(other, seen(9)))
        #expect(observed.answered(seen(10), key, since: listing))
        #expect(observed[key]?.version == 10)
        observed.store.apply(.set(other, seen(12)))
        let third = ObjectKey(namespace: "n", name: "third")
        #expect(observed.answered(seen(11), third, since: listing))
        #expect(observed[third] == nil)
    }

    @Test("A list ends the answers and names their namespaces; earlier answers don't count")
    func relisted() {
        let observed = listed([key: seen(5)])
        let listing = observed.listing
        #expect(observed.answered(seen(10), key, since: listing))
        observed.store.apply(.replace([:]))
        #expect(observed.listedAnew() == ["n"])
        #expect(observed[key] == nil)
        #expect(!observed.answered(seen(11), key, since: listing))
        #expect(observed[key] == nil)
        #expect(observed.answered(seen(3), key, since: observed.listing), "a restored server counts from below")
        #expect(observed[key]?.version == 3)
    }

    @Test("Without a number for a version an answer says nothing")
    func opaque() {
        let observed = listed()
        #expect(observed.answered(seen(nil), key, since: observed.listing))
        #expect(observed[key] == nil)
    }

    @Test("An object read by itself replaces what the watch showed, until that shows more")
    func looked() {
        let observed = listed([key: seen(5)])
        var read = seen(5)
        read.satisfies = 8
        observed.looked(read, key)
        #expect(observed[key]?.satisfies == 8)
        read.version = 4
        read.satisfies = 9
        observed.looked(read, key)
        #expect(observed[key]?.satisfies == 8, "an older state says nothing")
        observed.store.apply(.set(key, seen(6)))
        #expect(observed[key]?.version == 6 && observed[key]?.satisfies == 7)
        observed.looked(seen(3), other)
        #expect(observed[other]?.version == 3, "one that the watch did not keep")
    }

    @Test("A first query at any time gives the same result, for random changes")
    func places() {
        var random = SeededRandom(seed: 5)
        let (early, late) = (KindInventory(), KindInventory())
        let names = ["a", "b", "c"]
        _ = early.objects(at: "a")
        for _ in 0..<300 {
            let key = ObjectKey(name: "o\(Int.random(in: 0..<20, using: &random))")
            let object = InventoryEntry(place: names.randomElement(using: &random) ?? "", version: 1)
            let update: StoreUpdate<InventoryEntry> =
                switch Int.random(in: 0..<20, using: &random) {
                case 0: .replace([key: object])
                case 1..<6: .remove(key)
                default: .set(key, object)
                }
            early.store.apply(update)
            late.store.apply(update)
        }
        for name in names { #expect(Set(early.objects(at: name)) == Set(late.objects(at: name))) }
        let all = names.flatMap { late.objects(at: $0) }
        #expect(Set(all) == Set(late.store.snapshot.map { Array($0.keys) } ?? []) && all.count == Set(all).count)
    }

    @Test("What few objects have is compared as everything else")
    func rare() {
        var object = seen(1)
        object.standing = .ours(fromFlyte: false)
        #expect(object != seen(1) && object.standing == .ours(fromFlyte: false) && object.comparison == nil)
        var other = seen(1)
        other.standing = .foreign("x")
        #expect(object != other && other.foreignOwner == "x")
        other.standing = .ours(fromFlyte: false)
        #expect(object == other && object.hashValue == other.hashValue)
        other.standing = nil
        #expect(other == seen(1))
    }
}
