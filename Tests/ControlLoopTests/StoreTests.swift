import KubeObjects
import TestSupport
import Testing

@testable import ControlLoop

@Suite("Store", .timeLimit(.minutes(patience)))
struct StoreTests {
    static let a = ObjectKey(name: "a"), b = ObjectKey(name: "b")

    @Test("It can't be read before the first complete list, even after a single change")
    func unreadable() {
        let store = Store<Int>()
        store.apply(.set(Self.a, 1))
        store.apply(.remove(Self.a))
        #expect(store.snapshot == nil)
        #expect(!store.isReady)
        store.apply(.replace([:]))
        #expect(store.snapshot == [:])
    }

    @Test("A task that waits for readiness goes on with the first list, or when cancelled")
    func ready() async throws {
        let store = Store<Int>()
        async let waiter: Void = store.ready()
        store.apply(.replace([Self.a: 1]))
        try await waiter
        try await store.ready()

        let never = Store<Int>()
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                do {
                    try await never.ready()
                    return true
                } catch {
                    return false
                }
            }
            group.cancelAll()
            #expect(await group.next() == false)
        }
    }

    @Test("A handler sees each change after it is visible, with its origin")
    func changes() {
        let store = Store<Int>()
        let told = Probe<String>()
        let end = store.subscribe { change in
            let visible = store[change.key] == change.value
            told.record("\(change.key) \(change.kind) \(change.origin) \(visible)")
        }
        store.apply(.replace([Self.a: 1]))
        store.apply(.set(Self.a, 2))
        store.apply(.set(Self.b, 1))
        store.apply(.remove(Self.b))
        store.apply(.remove(Self.b))
        store.apply(.replace([Self.b: 9]))
        #expect(
            told.all == [
                "a added(1) firstList true", "a updated(old: 1, new: 2) event true", "b added(1) event true",
                "b deleted(1) event true", "b added(9) relist true", "a deleted(2) relist true",
            ])
        end()
        store.apply(.set(Self.a, 3))
        #expect(told.all.count == 6)
    }

    @Test("A census counts what a list would remove")
    func census() {
        let store = Store<Int>()
        #expect(store.census(of: [Self.a: 1]) == ListCensus(held: 0, listed: 1, gone: 0))
        store.apply(.replace([Self.a: 1, Self.b: 1]))
        #expect(store.census(of: [Self.a: 5, ObjectKey(name: "c"): 1]) == ListCensus(held: 2, listed: 2, gone: 1))
    }
}
