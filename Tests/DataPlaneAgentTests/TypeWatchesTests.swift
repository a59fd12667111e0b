import ControlLoop
import HTTP
import Kube
import KubeObjects
import Support
import TestSupport
import Testing

@testable import DataPlaneAgent

@Suite("The kinds that are watched")
struct TypeWatchesTests {
    /// Never answers.
    private struct Silence: ListWatch {
        func list(continueToken: String?) async throws(KubeError) -> ListPage<SeenObject> {
            await untilCancelled()
            throw KubeError(operation: "list", cause: .unexpectedAnswer("cancelled"))
        }
        func watch(from resourceVersion: String) async throws(KubeError) -> WatchStream<SeenObject> {
            throw KubeError(operation: "watch", cause: .unexpectedAnswer("not asked"))
        }
    }

    @Test("A kind dropped and wanted again at once has one watch, into the new store")
    func again() async throws {
        let watches = TypeWatches()
        let made = Locked<[KindInventory]>([])
        let type = Namespace.resourceType
        for _ in 0..<5 {
            watches.follow([type])
            watches.follow([])
        }
        watches.follow([type])
        let running = Task {
            await watches.run { _, objects in
                made.withLock { $0.append(objects) }
                return Watcher(Silence(), into: objects.store, observer: { _ in }, project: { _ in nil })
            }
        }
        while made.withLock({ $0.count }) < 6 { await Task.yield() }
        // Each start makes its watch for its own store; only the last one is in use.
        let stores = made.withLock { Set($0.map { ObjectIdentifier($0) }) }
        #expect(stores.count == 6)
        #expect(watches[type].map { stores.contains(ObjectIdentifier($0)) } == true)
        running.cancel()
        await running.value
    }
}
