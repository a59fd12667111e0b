import ControlLoop
import HTTP
import Support

/// Finds out whether the operator's own work goes on. A beat runs as all work does: on Swift's thread pool and on the
/// one thread of the HTTP engine. It sends nothing to another machine, so no outage there can make it fail. Another
/// thread answers `/healthz`, so it can report that no beat came back.
final class Heartbeat: Sendable {
    private let timeline: Timeline
    private let interval: Duration
    private let limit: Duration
    private let beat: @Sendable () async -> Bool
    private let last: Locked<Duration>

    /// - Parameters:
    ///   - limit: after this time without a beat the work has stopped. It is long enough for a process that starves on
    /// a busy node.
    ///   - beat: returns false if the beat did not get through.
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

    /// The text if the work has stopped. Nil while it goes on.
    var standstill: String? {
        let age = timeline.now - last.withLock { $0 }
        return age > limit ? "the operator's own work has stood still for \(age.components.seconds) s" : nil
    }
}
