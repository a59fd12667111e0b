import Support
import Testing

@testable import Operator

@Suite("What was rendered last")
struct RenderCacheTests {
    private final class Asked: Sendable {
        let cache = RenderCache(capacity: 2, shards: 1)
        let rendered = Locked<[String]>([])
        func ask(_ name: String, common: UInt64 = 1, own: UInt64 = 1) {
            _ = cache.content(.init(common: common, own: own, namespace: name)) {
                rendered.withLock { $0.append(name) }
                return .pending
            }
        }
    }

    @Test("A namespace is rendered once while it is among the last, and again after that")
    func bounded() {
        let asked = Asked()
        for name in ["a", "a", "b", "a", "c", "b", "c", "a"] { asked.ask(name) }
        #expect(asked.rendered.withLock { $0 } == ["a", "b", "c", "a"])
        asked.cache.removeAll()
        asked.ask("a")
        #expect(asked.rendered.withLock { $0.count } == 5)
    }

    @Test("What depends on something else is something else")
    func keys() {
        let asked = Asked()
        for (common, own) in [(1, 1), (2, 1), (2, 2), (2, 1)] as [(UInt64, UInt64)] {
            asked.ask("a", common: common, own: own)
        }
        #expect(asked.rendered.withLock { $0.count } == 3)
    }

    @Test("A second caller waits for a namespace that is being rendered")
    func atOnce() async {
        let cache = RenderCache()
        let rendered = Locked(0)
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<200 {
                group.addTask {
                    _ = cache.content(.init(common: 1, own: 1, namespace: "n\(index % 20)")) {
                        rendered.withLock { $0 += 1 }
                        return .pending
                    }
                }
            }
        }
        #expect(rendered.withLock { $0 } == 20)
    }
}
