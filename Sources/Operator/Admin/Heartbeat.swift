import ControlLoop
import HTTP
import Support

/// Whether the operator's own work goes on. A beat goes the way that all work goes, through Swift's pool of threads and the
/// one thread of the HTTP engine, and asks nobody outside: a remote outage can't make it fail. `/healthz` is answered by
/// another thread, so that it can say that no beat came back.
final class Heartbeat: Sendable {
    private let timeline: Timeline
    private let interval: Duration
    private let limit: Duration
    private let beat: @Sendable () async -> Bool
    private let last: Locked<Duration>

    /// - Parameters:
    ///   - limit: without a beat for so long, the work stands still. Long enough for a process that starves on a busy node.
    ///   - beat: false where it did not get through.
    init(
        timeline: Timeline = .continuous, interval: Duration = .seconds(5), limit: Duration = .seconds(60),
        beat: @escaping @Sendable () async -> Bool = { await HTTPEngine.shared.statistics() != nil }
    ) {
        self.timeline = timeline
        self.interval = interval
        self.limit = limit
        self.beat = beat
        last = Locked(timeline.now)
    }

    /// Beats until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            let began = timeline.now
            if await beat() { last.withLock { [timeline] in $0 = timeline.now } }
            await timeline.sleep(until: began + interval)
        }
    }

    /// What to say where the work stands still; nil while it goes on.
    var standstill: String? {
        let age = timeline.now - last.withLock { $0 }
        return age > limit ? "the operator's own work has stood still for \(age.components.seconds) s" : nil
    }
}
