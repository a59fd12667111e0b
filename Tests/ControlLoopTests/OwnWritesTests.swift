import ControlLoop
import Testing

@Suite("Our own writes that a watch has not shown yet")
struct OwnWritesTests {
    @Test("A write counts until the watch has come to its version")
    func counts() {
        var writes = OwnWrites<String, String>()
        #expect(writes.newest("a", shown: 3) == nil)
        writes.wrote("ours", "a", version: 5)
        #expect(writes.newer("a", than: 4) == "ours" && writes.newest("a", shown: 4) == "ours")
        #expect(writes.newest("a", shown: nil) == "ours", "an object without a version is older than every write")
        #expect(writes.newer("a", than: 5) == nil && writes.last("a")?.version == 5)
        #expect(writes.newest("a", shown: 5) == nil)
        #expect(writes.newest("a", shown: 4) == nil, "it is forgotten, so the watch alone counts")
    }

    @Test("The last of several writes counts, each key for itself")
    func several() {
        var writes = OwnWrites<String, Int>()
        writes.wrote(1, "a", version: 5)
        writes.wrote(2, "a", version: 9)
        writes.wrote(3, "b", version: 6)
        writes.shown("a", version: 7)
        #expect(writes.last("a")?.value == 2 && writes.values.sorted() == [2, 3])
        writes.retain { $0 == "b" }
        #expect(writes.last("a") == nil && writes.last("b")?.value == 3)
    }
}
