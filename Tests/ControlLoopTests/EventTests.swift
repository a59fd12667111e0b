import JSON
import Kube
import KubeObjects
import Support
import TestSupport
import Testing

@testable import ControlLoop

@Suite("Events", .timeLimit(.minutes(patience)))
struct EventTests {
    final class Sink: EventSink {
        let created = Probe<JSON>()
        let patched = Probe<JSON>()
        private let faults = Locked([KubeError]())
        func fail(_ errors: KubeError...) { faults.withLock { $0 = errors } }
        private func fault() throws(KubeError) {
            if let error = faults.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { throw error }
        }
        func create(_ event: JSON, namespace: String, name: String) async throws(KubeError) {
            try fault()
            created.record(event)
        }
        func patch(_ patch: JSON, namespace: String, name: String) async throws(KubeError) {
            try fault()
            patched.record(patch)
        }
    }

    let clock = TestClock()
    let sink = Sink()
    static let wall = WallClock { Instant(secondsSince1970: 1_700_000_000.25) }
    static let subject = EventSubject(
        apiVersion: "multicluster.flyte.org/v1alpha1", kind: "DataPlane",
        key: ObjectKey(namespace: "flyte", name: "dataplane-1"), uid: "u1")

    func recorder(_ configuration: EventConfiguration = EventConfiguration()) -> EventRecorder {
        EventRecorder(
            sink, reportingInstance: "squadron-0", configuration: configuration, timeline: clock.timeline,
            wallClock: Self.wall, seed: 1)
    }
    func report(_ note: String, name: String = "dataplane-1") -> EventReport {
        var subject = Self.subject
        subject.key.name = name
        return EventReport(.warning, subject, reason: "Timeout", action: "Probe", note: note)
    }

    @Test("The first report becomes a whole event, in the namespace of its object")
    func creates() async throws {
        let recorder = recorder()
        try await running(recorder.run) {
            recorder.record(report("no answer"))
            let event = try #require(await sink.created.first())
            #expect(event["apiVersion"] == "events.k8s.io/v1" && event["kind"] == "Event")
            #expect(event["type"] == "Warning" && event["reason"] == "Timeout" && event["action"] == "Probe")
            #expect(event["eventTime"] == "2023-11-14T22:13:20.250000Z")
            #expect(event["note"] == "no answer" && event["regarding"]?["uid"] == "u1")
            #expect(event["metadata"]?["namespace"] == "flyte")
            #expect(event["metadata"]?["name"]?.string?.hasPrefix("dataplane-1.") == true)
            #expect(event["reportingController"] == "multicluster.flyte.org/squadron")
            #expect(event["reportingInstance"] == "squadron-0" && event["series"] == nil)
        }
    }

    @Test("Reports that differ only in numbers are one series, written once a refresh")
    func series() async {
        let recorder = recorder()
        await running(recorder.run) {
            for attempt in 1...2 { recorder.record(report("attempt \(attempt) after \(attempt * 10) s")) }
            await sink.patched.count(1)
            #expect(sink.patched[0]?["series"]?["count"] == 2)
            for attempt in 3...50 { recorder.record(report("attempt \(attempt) after 7 s")) }
            #expect(await recorder.drained(within: .seconds(1)))
            #expect(sink.created.all.count == 1 && sink.patched.all.count == 1)
            await clock.sleeper(for: .seconds(360))
            clock.advance(by: .seconds(360))
            await sink.patched.count(2)
            #expect(sink.patched[1]?["series"]?["count"] == 50)
            #expect(recorder.metrics.aggregated == 49)
        }
    }

    @Test("Reports about names that differ in a number are events of their own")
    func numberedNames() async {
        let recorder = recorder()
        await running(recorder.run) {
            recorder.record(report("label Team1 is not a label"))
            recorder.record(report("label Team2 is not a label"))
            let events = await sink.created.count(2)
            #expect(events.map { $0["note"]?.string } == ["label Team1 is not a label", "label Team2 is not a label"])
        }
    }

    @Test("After a quiet window the same report is a new event")
    func window() async {
        let recorder = recorder()
        await running(recorder.run) {
            recorder.record(report("x"))
            await sink.created.count(1)
            clock.advance(by: .seconds(361))
            recorder.record(report("x"))
            let events = await sink.created.count(2)
            #expect(events[0]["metadata"]?["name"] != events[1]["metadata"]?["name"])
        }
    }

    @Test("A series whose event has expired goes on with a new event that has the count")
    func expired() async {
        let recorder = recorder()
        await running(recorder.run) {
            recorder.record(report("x"))
            await sink.created.count(1)
            sink.fail(.status(404))
            recorder.record(report("x"))
            let events = await sink.created.count(2)
            #expect(events[1]["series"]?["count"] == 2)
        }
    }

    @Test("A request without an answer is tried again; a refused one is dropped and counted")
    func retries() async {
        let recorder = recorder()
        await running(recorder.run) {
            sink.fail(.refused, .status(503))
            recorder.record(report("x"))
            for _ in 0..<2 { await clock.advanceToNextSleeper() }
            await sink.created.count(1)
            sink.fail(.status(403))
            recorder.record(report("y"))
            recorder.record(report("z"))
            await sink.created.count(2)
            #expect(sink.created[1]?["note"] == "z" && recorder.metrics.failed == 1)
        }
    }

    @Test("While nothing can be sent, the queue is bounded, drops count, nothing blocks")
    func bounded() {
        let recorder = recorder(EventConfiguration(maximumSeries: 50, maximumQueue: 100))
        for index in 0..<5_000 { recorder.record(report("x", name: "object-\(String(index, radix: 36))")) }
        #expect(recorder.metrics.dropped == 4_900)
    }

    @Test("An object with ever new reports does not use up the budget of others")
    func perObject() {
        var state = EventAggregator(
            EventConfiguration(maximumQueue: 100), reportingInstance: "x", now: .zero, seed: 1)
        let wall = Instant(secondsSince1970: 1)
        for index in 0..<5_000 {
            let note = String(repeating: "n", count: index % 500 + 1)
            state.report(report(note), now: .zero, wall: wall)
        }
        let before = state.metrics.dropped
        state.report(report("mine", name: "other"), now: .zero, wall: wall)
        #expect(state.metrics.dropped == before)
        #expect(state.openSeries == 26)
    }

    @Test(
        "A clock that is centuries ahead, or none at all, makes events like any other",
        arguments: [18_446_744_074, 253_402_300_799, 1e300, .infinity, -1e300, .nan] as [Double])
    func clockFarAhead(seconds: Double) {
        var state = EventAggregator(EventConfiguration(), reportingInstance: "x", now: .zero, seed: 1)
        state.report(report("a", name: "one"), now: .zero, wall: Instant(secondsSince1970: seconds))
        state.report(report("b", name: "two"), now: .zero, wall: Instant(secondsSince1970: seconds))
        #expect(state.openSeries == 2)
    }

    @Test("Requests keep to the rate")
    func rate() async {
        let recorder = recorder(EventConfiguration(ratePerSecond: 2, burst: 3))
        for index in 0..<5 { recorder.record(report("x", name: "o\(String(index, radix: 36))")) }
        await running(recorder.run) {
            await sink.created.count(3)
            let wait = await clock.advanceToNextSleeper()
            #expect(wait > .milliseconds(400) && wait < .milliseconds(600))
            await sink.created.count(4)
        }
    }

    @Test(
        "Notes are cut at 1024 bytes and words at 128; an empty word is filled in")
    func texts() {
        let long = String(repeating: "é😀", count: 1_000)
        let cut = long.cut(toBytes: 1_024)
        #expect(cut.utf8.count <= 1_024 && cut.utf8.count > 1_015 && cut.hasSuffix("…"))
        #expect("short".cut(toBytes: 1_024) == "short")
        #expect(EventText.word("") == "Unknown")
        #expect(EventText.word(String(repeating: "x", count: 500)).utf8.count <= 128)
        #expect(EventText.withoutNumbers("try 12 of 305, 7s") == "try # of #, #s")
        #expect(EventText.withoutNumbers("10.0.0.1:443 \"80\" (5)") == "#.#.#.#:# \"#\" (#)")
        #expect(EventText.withoutNumbers("a10b team-12_34, x9") == "a10b team-12_34, x9")
    }

    @Test(
        "An event's name is valid whatever the object is called",
        arguments: [
            "dataplane-1", "system:node:x", "UPPER_case", "", "...", String(repeating: "a.", count: 200), "naïve😀",
        ])
    func names(object: String) {
        let name = EventText.name(of: object, stamp: 0xABC)
        #expect(name.utf8.count <= 253 && name.hasSuffix(".abc"))
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        let isValid = labels.allSatisfy { label in
            !label.isEmpty && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D }
        }
        #expect(isValid, "\(name)")
    }
}
