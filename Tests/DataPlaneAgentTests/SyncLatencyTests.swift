import Testing

@testable import DataPlaneAgent

@Suite("How long a change takes")
struct SyncLatencyTests {
    @Test("A change counts from when it was seen to the last write for it")
    func latency() {
        var latencies = SyncLatencies()
        latencies.changed(["a", "b"], since: .seconds(10))
        latencies.changed(["a"], since: .seconds(12))
        latencies.wrote("a", now: .seconds(13))
        latencies.wrote("a", now: .seconds(14))
        let (first, again, unwritten) = (latencies.settled("a"), latencies.settled("a"), latencies.settled("b"))
        #expect(first == .seconds(4))
        #expect(again == nil, "it counts once")
        #expect(unwritten == nil, "it was in sync already")
    }

    @Test("Drift does not count as a change, nor does what is wanted no longer")
    func notChanged() {
        var latencies = SyncLatencies()
        latencies.wrote("a", now: .seconds(1))
        let drift = latencies.settled("a")
        latencies.changed(["b"], since: .zero)
        latencies.wrote("b", now: .seconds(1))
        latencies.retain { $0 == "a" }
        let gone = latencies.settled("b")
        #expect(drift == nil && gone == nil)
    }
}
