import DequeModule
import JSON
import Kube
import KubeObjects
import Support

/// Decides which reports become requests, as a value.
///
/// - The first report of its kind becomes an Event. Later reports that differ only in the numbers of their note, within
///   `window` of each other, become its series. The second report is sent at once, later ones together every `refresh`.
/// - Everything is bounded: open series (the one without a report for longest goes first), waiting requests (further
///   ones are dropped and counted), events per object and in total.
struct EventAggregator: Sendable {
    struct Identity: Sendable, Hashable {
        var kind: EventReport.Kind
        var apiVersion: String
        var subjectKind: String
        var key: ObjectKey
        var uid: String?
        var reason: String
        var action: String
        var note: String

        init(_ report: EventReport) {
            kind = report.kind
            apiVersion = report.subject.apiVersion
            subjectKind = report.subject.kind
            key = report.subject.key
            uid = report.subject.uid
            reason = report.reason
            action = report.action
            note = EventText.withoutNumbers(report.note)
        }
    }

    struct Request: Sendable {
        enum Body: Sendable {
            case create(JSON)
            /// The series' current numbers. They are read when the request is sent, so that later reports are in it.
            case series(Identity)
        }
        var body: Body
        var namespace: String
        var name: String
        var attempts = 0
    }

    enum Poll: Sendable {
        case create(JSON, Request)
        case patch(JSON, Request)
        case wait(until: Duration?)
    }

    private struct Series: Sendable {
        var event: JSON
        let namespace: String
        let name: String
        var count = 1
        var last: Instant
        var heardAt: Duration
        /// The value of `count` when it was last handed to the sender.
        var sentCount = 1
        var sentAt: Duration
        var isQueued = false
    }

    private let configuration: EventConfiguration
    private let reportingInstance: String
    private var series: [Identity: Series] = [:]
    private var queue = Deque<Request>()
    private var isSending = false
    private var notBefore: Duration = .zero
    private var rate: TokenBucket
    private var subjects: [ObjectKey: TokenBucket] = [:]
    private var nextSweep: Duration
    private var lastStamp: UInt64 = 0
    private var random: SeededRandom
    private(set) var metrics = EventMetrics()

    init(_ configuration: EventConfiguration, reportingInstance: String, now: Duration, seed: UInt64) {
        self.configuration = configuration
        self.reportingInstance =
            reportingInstance.isEmpty ? "squadron" : reportingInstance.cut(toBytes: EventText.longestWord)
        rate = TokenBucket(qps: configuration.ratePerSecond, burst: configuration.burst, now: now)
        nextSweep = now + configuration.refresh
        random = SeededRandom(seed: seed)
    }

    // MARK: Reports

    mutating func report(_ report: EventReport, now: Duration, wall: Instant) {
        let identity = Identity(report)
        if var known = series[identity], now - known.heardAt < configuration.window {
            known.count += 1
            known.last = wall
            known.heardAt = now
            metrics.aggregated += 1
            let isDue = known.count == 2 || now - known.sentAt >= configuration.refresh
            if isDue, !known.isQueued { known.isQueued = enqueueSeries(identity, known) }
            series[identity] = known
            return
        }
        guard mayReport(on: report.subject.key, now: now) else {
            metrics.dropped += 1
            return
        }
        // In July 2554 the nanoseconds no longer fit: a node's clock can say so today.
        let stamp = max(lastStamp &+ 1, UInt64(saturating: wall.secondsSince1970 * 1e9))
        lastStamp = stamp
        let namespace = report.subject.eventNamespace
        let name = EventText.name(of: report.subject.key.name, stamp: stamp)
        let event = event(report, namespace: namespace, name: name, wall: wall)
        guard enqueue(Request(body: .create(event), namespace: namespace, name: name)) else { return }
        makeRoom()
        series[identity] = Series(
            event: event, namespace: namespace, name: name, last: wall, heardAt: now, sentAt: now)
    }

    private func event(_ report: EventReport, namespace: String, name: String, wall: Instant) -> JSON {
        [
            "apiVersion": "events.k8s.io/v1", "kind": "Event",
            "metadata": ["name": .string(name), "namespace": .string(namespace)],
            "eventTime": .string(MicroTimestamp(wall).description),
            "type": .string(report.kind.rawValue),
            "reason": .string(EventText.word(report.reason)),
            "action": .string(EventText.word(report.action)),
            "note": .string(EventText.note(report.note)),
            "regarding": report.subject.json,
            "reportingController": .string(configuration.reportingController),
            "reportingInstance": .string(reportingInstance),
        ]
    }

    /// One object with ever new reports must not use up the budget of all.
    private mutating func mayReport(on subject: ObjectKey, now: Duration) -> Bool {
        var bucket =
            subjects[subject]
            ?? TokenBucket(qps: configuration.subjectRatePerSecond, burst: configuration.subjectBurst, now: now)
        let isAllowed = bucket.take(now: now)
        if subjects[subject] == nil, subjects.count >= configuration.maximumSeries { return isAllowed }
        subjects[subject] = bucket
        return isAllowed
    }

    private mutating func enqueue(_ request: Request) -> Bool {
        guard queue.count < configuration.maximumQueue else {
            metrics.dropped += 1
            return false
        }
        queue.append(request)
        return true
    }

    private mutating func enqueueSeries(_ identity: Identity, _ series: Series) -> Bool {
        enqueue(Request(body: .series(identity), namespace: series.namespace, name: series.name))
    }

    private mutating func makeRoom() {
        guard series.count >= configuration.maximumSeries else { return }
        // A tenth goes at once, so that a flood does not sort the table with every report.
        let byAge = series.sorted { $0.value.heardAt < $1.value.heardAt }
        for (identity, _) in byAge.prefix(max(1, configuration.maximumSeries / 10)) { series[identity] = nil }
    }

    // MARK: Requests

    /// The next request, which counts as under way from now on, or how long to wait.
    mutating func poll(now: Duration) -> Poll {
        sweep(now: now)
        guard !isSending else { return .wait(until: nil) }
        while let request = queue.first {
            guard now >= notBefore else { return .wait(until: notBefore) }
            if case .series(let identity) = request.body, series[identity]?.name != request.name {
                queue.removeFirst()  // forgotten in between
                continue
            }
            guard rate.take(now: now) else { return .wait(until: now + rate.delay(now: now)) }
            queue.removeFirst()
            isSending = true
            switch request.body {
            case .create(let event):
                return .create(event, request)
            case .series(let identity):
                return .patch(["series": sent(identity, now: now)], request)
            }
        }
        return .wait(until: series.isEmpty && subjects.isEmpty ? nil : nextSweep)
    }

    private mutating func sent(_ identity: Identity, now: Duration) -> JSON {
        guard var known = series[identity] else { return .null }
        known.sentCount = known.count
        known.sentAt = now
        known.isQueued = false
        series[identity] = known
        return [
            "count": .int(Int64(Int32(clamping: known.count))),
            "lastObservedTime": .string(MicroTimestamp(known.last).description),
        ]
    }

    enum Reply: Sendable { case done, gone, retry, refused }

    mutating func finish(_ request: Request, _ reply: Reply, now: Duration) {
        isSending = false
        var request = request
        switch reply {
        case .done:
            metrics.sent += 1
        case .gone:
            // Events live an hour. A series that outlives its event goes on with a new event of the same name.
            guard case .series(let identity) = request.body, let known = series[identity] else {
                metrics.failed += 1
                return
            }
            var event = known.event
            event["series"] = [
                "count": .int(Int64(Int32(clamping: max(2, known.count)))),
                "lastObservedTime": .string(MicroTimestamp(known.last).description),
            ]
            request.body = .create(event)
            again(request, now: now)
        case .retry:
            notBefore = now + configuration.retry.delay(failures: request.attempts + 1, using: &random)
            again(request, now: now)
        case .refused:
            metrics.failed += 1
        }
    }

    private mutating func again(_ request: Request, now: Duration) {
        var request = request
        request.attempts += 1
        guard request.attempts < configuration.maximumAttempts else {
            metrics.failed += 1
            return
        }
        queue.prepend(request)
    }

    /// Hands over what the series have counted, and forgets ended series and quiet objects.
    private mutating func sweep(now: Duration) {
        guard now >= nextSweep else { return }
        nextSweep = now + configuration.refresh
        for (identity, known) in series {
            if known.count > known.sentCount, !known.isQueued {
                let isQueued = enqueueSeries(identity, known)
                series[identity]?.isQueued = isQueued
            } else if !known.isQueued, now - known.heardAt >= configuration.window {
                series[identity] = nil
            }
        }
        subjects = subjects.filter { !$0.value.isFull(now: now) }
    }

    var isIdle: Bool { queue.isEmpty && !isSending }
    var openSeries: Int { series.count }
}
