import HTTP
import JSON
import KubeObjects
import Support
import Testing

@testable import Kube

@Suite("Watch")
struct WatchTests {
    /// What an event says, in short: `+settings@796`, `-settings@798`, `bookmark@798`.
    private static func text<Object: KubeObject>(_ event: WatchEvent<Object>) -> String {
        switch event {
        case .applied(.valid(let object)): "+\(object.metadata.name)@\(object.metadata.resourceVersion ?? "")"
        case .applied(.malformed(let metadata, let failure)): "?\(metadata.name) \(failure)"
        case .deleted(let object): "-\(object.metadata.name)@\(object.metadata.resourceVersion ?? "")"
        case .bookmark(let version): "bookmark@\(version)"
        }
    }

    private static func events(_ pieces: [[UInt8]], maximumLine: Int = 16 << 20) throws(KubeError) -> [WatchEvent<
        ConfigMap
    >] {
        var decoder = WatchDecoder<ConfigMap>(operation: "watch configmaps", maximumLine: maximumLine)
        var events: [WatchEvent<ConfigMap>] = []
        for piece in pieces {
            decoder.feed(piece)
            while let event = try decoder.next() { events.append(event) }
        }
        if let last = try decoder.finish() { events.append(last) }
        return events
    }

    private static func texts(_ text: String) throws -> [String] { try events([Array(text.utf8)]).map(Self.text) }

    private static let object = #"{"metadata":{"name":"a","resourceVersion":"5"}}"#

    @Test("A recorded watch gives the same events wherever the network splits it")
    func everySplit() throws {
        let stream = try fixture("watch-configmaps.txt")
        let whole = try Self.events([stream])
        #expect(
            whole.map(Self.text).prefix(4)
                == ["+settings@796", "+settings@797", "-settings@798", "bookmark@798"])
        let greeting = whole.first.flatMap { event -> String? in
            if case .applied(let object) = event { object.object?.data["greeting"] } else { nil }
        }
        #expect(greeting == "Grüße, 世界 🌍")
        for offset in 0...stream.count {
            let split = try Self.events([Array(stream[..<offset]), Array(stream[offset...])])
            #expect(split.map(Self.text) == whole.map(Self.text), "split at \(offset)")
            if case .applied(let object)? = split.first { #expect(object.object?.data["greeting"] == greeting) }
        }
        for size in [1, 2, 3, 7, 100, 1000] {
            let pieces = stride(from: 0, to: stream.count, by: size).map {
                Array(stream[$0..<min($0 + size, stream.count)])
            }
            #expect(try Self.events(pieces).map(Self.text) == whole.map(Self.text), "pieces of \(size)")
        }
    }

    @Test("Blank lines, carriage returns and unknown event types are skipped")
    func skipped() throws {
        let text =
            "\n\r\n  \n" + #"{"type":"NEW","object":{}}"# + "\n" + #"{"type":"ADDED","object":\#(Self.object)}"#
            + "\r\n\n"
        #expect(try Self.texts(text) == ["+a@5"])
        #expect(try Self.texts("").isEmpty)
    }

    @Test("What is skipped takes its time from the server's budget, as events do")
    func skippedCounts() async throws {
        var budget = Budget()
        (budget.eventsPerSecond, budget.eventBurst) = (10, 1)
        let clock = LeapingClock()
        let unknown = String(repeating: #"{"type":"NEW","object":{}}"# + "\n", count: 100)
        for flood in [unknown, String(repeating: "\n", count: 100 * budget.eventUnit)] {
            let start = clock.now
            let text = flood + #"{"type":"ADDED","object":\#(Self.object)}"# + "\n"
            let transport = ScriptedTransport(.stream(pieces: [Array(text.utf8)]))
            let client = client(transport, meter: ServerMeter(budget, clock: clock))
            var events = try await client.listWatch(ConfigMap.self).watch(from: "1").makeAsyncIterator()
            #expect(try await events.next().map(Self.text) == "+a@5")
            #expect(clock.now - start > .seconds(9))
        }
    }

    @Test("A complete last event counts without its line break; a partial one is an error")
    func ending() throws {
        let line = #"{"type":"ADDED","object":\#(Self.object)}"#
        #expect(try Self.texts(line) == ["+a@5"])
        for length in 1..<line.utf8.count {
            let error = try #require(throws: KubeError.self) { try Self.texts(String(line.prefix(length))) }
            #expect(error.detail == "the watch was cut in the middle of an event")
            #expect(error.isRetryable)
        }
    }

    @Test("A line without end is refused before it fills the memory, in one piece or many")
    func longLine() throws {
        let endless = [UInt8](repeating: UInt8(ascii: " "), count: 400)
        for pieces in [[endless], endless.map { [$0] }] {
            let error = try #require(throws: KubeError.self) { try Self.events(pieces, maximumLine: 256) }
            #expect(error.detail == "an event is longer than 256 bytes")
        }
        let line = #"{"type":"ADDED","object":\#(Self.object)}"#
        #expect(try Self.events([Array((line + "\n").utf8)], maximumLine: line.utf8.count).count == 1)
    }

    @Test("An event of metadata may not be as long as one of a whole object")
    func longMetadata() async throws {
        var limits = AnswerLimits()
        (limits.event, limits.metadataEvent) = (2_000, 500)
        let text = String(repeating: "x", count: 1_000)
        let object = #"{"metadata":{"name":"a","resourceVersion":"5","annotations":{"text":"\#(text)"}}}"#
        let line = Array((#"{"type":"ADDED","object":\#(object)}"# + "\n").utf8)
        let client = client(ScriptedTransport { _ in .stream(pieces: [line]) }, limits: limits)
        let whole = client.listWatch(PartialObject.self, of: KubeCollection(Namespace.resourceType))
        var events = try await whole.watch(from: "1").makeAsyncIterator()
        let event = try await events.next()
        #expect(event.map(Self.text) == "+a@5")
        let metadata = client.listWatch(
            PartialObject.self, of: KubeCollection(Namespace.resourceType, metadataOnly: true))
        let stream = try await metadata.watch(from: "1")
        let error = try await failure { try await stream.makeAsyncIterator().nextEvent() }
        #expect(error.detail == "an event is longer than 500 bytes")
    }

    @Test("An ERROR event is thrown with its status, and 410 says that it is gone")
    func errorEvent() throws {
        let text = #"""
            {"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version: 1 (9)","reason":"Expired","code":410}}
            """#
        let error = try #require(throws: KubeError.self) { try Self.texts(text + "\n") }
        #expect(error.status?.code == 410)
        #expect(error.status?.reason == "Expired")
        let other = try #require(throws: KubeError.self) { try Self.texts(#"{"type":"ERROR","object":{}}"# + "\n") }
        #expect(other.detail == "an ERROR event holds no Status")
    }

    @Test("Bookmarks carry their version")
    func bookmarks() throws {
        let text = #"""
            {"type":"BOOKMARK","object":{"kind":"ConfigMap","metadata":{"resourceVersion":"7","creationTimestamp":null}}}

            """#
        #expect(try Self.texts(text) == ["bookmark@7"])
        #expect(throws: KubeError.self) { try Self.texts(#"{"type":"BOOKMARK","object":{"metadata":{}}}"# + "\n") }
    }

    @Test("A malformed object is an event, not the end")
    func malformed() throws {
        let text = #"""
            {"type":"ADDED","object":{"metadata":{"name":"bad","resourceVersion":"6"},"data":{"k":1}}}
            {"type":"ADDED","object":\#(Self.object)}

            """#
        #expect(try Self.texts(text) == ["?bad data.k: expected a string, found a number", "+a@5"])
    }

    @Test(
        "An event without a key or a version is an error",
        arguments: [
            #"{}"#, #"[]"#, #"<html>"#, #"{"type":"ADDED"}"#, #"{"type":"ADDED","object":{"metadata":{}}}"#,
            #"{"type":"ADDED","object":{"metadata":{"name":"a"}}}"#,
            #"{"type":"DELETED","object":{"metadata":{"name":"a","resourceVersion":""}}}"#,
        ])
    func unusable(line: String) throws {
        let error = try #require(throws: KubeError.self) { try Self.texts(line + "\n") }
        guard case .unexpectedAnswer = error.cause else {
            Issue.record("unexpected \(error)")
            return
        }
    }

    @Test("A watch asks for bookmarks, with version, selectors and no total timeout")
    func request() async throws {
        let transport = ScriptedTransport(.stream(pieces: []))
        let listWatch = client(transport).listWatch(
            PartialObject.self,
            of: KubeCollection(
                Namespace.resourceType, labelSelector: "app.kubernetes.io/managed-by=squadron", metadataOnly: true),
            settings: WatchSettings(timeoutSeconds: 400...400, idleTimeout: .seconds(90)))
        for try await _ in try await listWatch.watch(from: "12") { Issue.record("no event was sent") }
        let request = try #require(transport.requests.first)
        #expect(
            target(request) == "/api/v1/namespaces?labelSelector=app.kubernetes.io%2Fmanaged-by%3Dsquadron&watch=true"
                + "&allowWatchBookmarks=true&resourceVersion=12&timeoutSeconds=400")
        #expect(
            request.headers["Accept"] == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
        )
        #expect(request.timeouts.idle == .seconds(90))
        #expect(request.timeouts.total == nil)
    }

    @Test("The watch's stream ends with the server's end, and once after a failure")
    func stream() async throws {
        let lost = HTTPError(.connectionLost, "reset", mayHaveBeenProcessed: true)
        let line = Array((#"{"type":"ADDED","object":\#(Self.object)}"# + "\n").utf8)
        let transport = ScriptedTransport(.stream(pieces: [line]), .stream(pieces: [line], ending: lost))
        let listWatch = client(transport).listWatch(ConfigMap.self, namespace: "flyte")
        var good = try await listWatch.watch(from: "1").makeAsyncIterator()
        #expect(try await good.next().map(Self.text) == "+a@5")
        #expect(try await good.next() == nil)
        let bad = try await listWatch.watch(from: "1")
        var events = bad.makeAsyncIterator()
        #expect(try await events.next().map(Self.text) == "+a@5")
        let error = try await failure { try await bad.makeAsyncIterator().nextEvent() }
        #expect(error.description == "watch configmaps in flyte: reset")
        #expect(try await events.next() == nil)
    }

    @Test("A refused watch throws the status of its answer", arguments: [410, 403, 500])
    func refused(code: Int) async throws {
        let status: JSON = ["kind": "Status", "status": "Failure", "message": "no", "reason": "Expired", "code": 410]
        let body = status.serialized()
        let transport = ScriptedTransport(.stream(status: code, pieces: body.map { [$0] }))
        let error = try await failure {
            try await client(transport).listWatch(ConfigMap.self).watch(from: "1")
        }
        #expect(error.status?.code == code)
        #expect(error.status?.message == "no")
    }
}

extension WatchStream.Iterator {
    fileprivate consuming func nextEvent() async throws(KubeError) -> WatchEvent<Object>? {
        var iterator = self
        return try await iterator.next(isolation: nil)
    }
}

/// A clock on which nobody waits: a sleep moves it.
private final class LeapingClock: Clock {
    private let time = Locked(ContinuousClock.now)
    var now: ContinuousClock.Instant { time.withLock { $0 } }
    var minimumResolution: Duration { .zero }
    func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {
        time.withLock { $0 = max($0, deadline) }
    }
}
