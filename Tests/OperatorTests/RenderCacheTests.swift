import Support
import Testing

@testable import Operator

@Suite("What was rendered last")
struct RenderCacheTests {
    @Test("A namespace is rendered once while it is among the last, and again after that")
    func bounded() {
        let cache = RenderCache(capacity: 2)
        let rendered = Locked<[String]>([])
        func ask(_ name: String) {
            _ = cache.content(of: name) {
                rendered.withLock { $0.append(name) }
                return .pending
            }
        }
        for name in ["a", "a", "b", "a", "c", "b", "c", "a"] { ask(name) }
        #expect(rendered.withLock { $0 } == ["a", "b", "c", "a"])
    }

    @Test("What is not wanted is not kept: it may be wanted later")
    func unwanted() {
        let cache = RenderCache()
        let first = cache.content(of: "x") { nil }
        let second = cache.content(of: "x") { .pending }
        #expect(first == nil && second != nil)
    }
}
