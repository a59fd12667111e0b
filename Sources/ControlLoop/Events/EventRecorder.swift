import JSON
import Kube
import Support

/// How events are aggregated and sent.
public struct EventConfiguration: Sendable, Hashable {
    public var reportingController: String
    /// Equal reports within this time of each other are one series.
    public var window: Duration
    /// The least time between two updates of a series, except for its second report.
    public var refresh: Duration
    public var maximumSeries: Int
    /// The most requests that wait. Further ones are dropped.
    public var maximumQueue: Int
    public var ratePerSecond: Double
    public var burst: Int
    /// The rate of new events about one object.
    public var subjectRatePerSecond: Double
    public var subjectBurst: Int
    public var maximumAttempts: Int
    public var retry: BackoffPolicy

    public init(
        reportingController: String = "multicluster.flyte.org/squadron", window: Duration = .seconds(360),
        refresh: Duration = .seconds(360), maximumSeries: Int = 2_048, maximumQueue: Int = 512,
        ratePerSecond: Double = 5, burst: Int = 50, subjectRatePerSecond: Double = 1.0 / 60, subjectBurst: Int = 25,
        maximumAttempts: Int = 6, retry: BackoffPolicy = BackoffPolicy(base: .seconds(1), cap: .seconds(30))
    ) {
        self.reportingController = reportingController
        self.window = window
        self.refresh = refresh
        self.maximumSeries = max(1, maximumSeries)
        self.maximumQueue = max(1, maximumQueue)
        self.ratePerSecond = ratePerSecond
        self.burst = burst
        self.subjectRatePerSecond = subjectRatePerSecond
        self.subjectBurst = subjectBurst
        self.maximumAttempts = maximumAttempts
        self.retry = retry
    }
}

public struct EventMetrics: Sendable, Hashable {
    /// Requests that succeeded.
    public var sent: UInt64 = 0
    /// Reports that were added to an existing event.
    public var aggregated: UInt64 = 0
    /// Reports that were not sent, since too many waited, or too many were about one object.
    public var dropped: UInt64 = 0
    /// Requests that were given up: the server refused them, or they were tried too often.
    public var failed: UInt64 = 0
    public init() {}
}

/// Writes events.k8s.io/v1 Events. It is best effort and bounded, and it never blocks a caller that reports.
public final class EventRecorder: Sendable {
    private let sink: any EventSink
    private let timeline: Timeline
    private let wallClock: WallClock
    private let state: Locked<EventAggregator>
    private let changed = Signal()

    /// `reportingInstance` names the replica, from `LeaderElector.uniqueIdentity`.
    public init(
        _ sink: any EventSink, reportingInstance: String, configuration: EventConfiguration = EventConfiguration(),
        timeline: Timeline = .continuous, wallClock: WallClock = .system, seed: UInt64 = .random(in: .min ... .max)
    ) {
        self.sink = sink
        self.timeline = timeline
        self.wallClock = wallClock
        state = Locked(
            EventAggregator(configuration, reportingInstance: reportingInstance, now: timeline.now, seed: seed))
    }

    /// Notes the report and returns at once. It may drop the report: see `metrics`.
    public func record(_ report: EventReport) {
        let (now, wall) = (timeline.now, wallClock.now)
        state.withLock { $0.report(report, now: now, wall: wall) }
        changed.advance()
    }

    public func record(
        _ kind: EventReport.Kind, _ subject: EventSubject, reason: String, action: String, note: String
    ) {
        record(EventReport(kind, subject, reason: reason, action: action, note: note))
    }

    /// Sends one request at a time until the task is cancelled. What still waits then is kept for the next run.
    public func run() async {
        while !Task.isCancelled {
            let seen = changed.generation
            switch state.withLock({ [timeline] in $0.poll(now: timeline.now) }) {
            case .wait(let until):
                await changed.wait(past: seen, until: until, on: timeline)
            case .create(let event, let request):
                finish(
                    request,
                    await attempt { [sink] () async throws(KubeError) in
                        try await sink.create(event, namespace: request.namespace, name: request.name)
                    })
            case .patch(let patch, let request):
                finish(
                    request,
                    await attempt { [sink] () async throws(KubeError) in
                        try await sink.patch(patch, namespace: request.namespace, name: request.name)
                    })
            }
        }
    }

    /// Waits until nothing is left to send. False if the time passes first. Call it before a shutdown, while `run`
    /// still runs.
    public func drained(within time: Duration) async -> Bool {
        let deadline = timeline.now + time
        while true {
            let seen = changed.generation
            if state.withLock({ $0.isIdle }) { return true }
            if Task.isCancelled || timeline.now >= deadline { return false }
            await changed.wait(past: seen, until: deadline, on: timeline)
        }
    }

    public var metrics: EventMetrics { state.withLock { $0.metrics } }

    private func finish(_ request: EventAggregator.Request, _ reply: EventAggregator.Reply) {
        let now = timeline.now
        state.withLock { $0.finish(request, reply, now: now) }
        changed.advance()
    }

    private func attempt(_ operation: () async throws(KubeError) -> Void) async -> EventAggregator.Reply {
        do throws(KubeError) {
            try await operation()
            return .done
        } catch {
            switch error.cause {
            case .transport, .credentials: return .retry
            case .unexpectedAnswer: return .done  // a 2xx: the server took it
            case .status(let status):
                switch status.code {
                case 404: return .gone
                case 409: return .done  // it exists: an answer was lost before
                case 401, 408, 429, 500...: return .retry
                default: return .refused
                }
            }
        }
    }
}
