/// When a data plane is to be probed next, as a value.
///
/// Probes have an interval, and some causes call the next probe sooner. A data plane must not be able to cause probes
/// without end, so each kind of call has its own rate:
/// - A failed request calls one probe per interval. While probes succeed, the failure concerns only its object, and 450
///   failures say no more than one.
/// - A broken connection calls a probe at once, because nothing is written before a probe has seen which server
///   answers. If connections keep breaking, each call waits twice as long as the one before, up to the interval.
/// - A change of settings or needed rights comes from the control plane, and somebody waits for the result.
struct ProbeSchedule: Sendable, Hashable {
    enum Call: Sendable, Hashable, CaseIterable { case failure, brokenConnection, change }

    /// The time between two probes that look into a failure.
    static let quick = Duration.milliseconds(500)
    /// The time between any two probes.
    static let shortest = Duration.milliseconds(20)

    let interval: Duration
    private(set) var lastStart: Duration?
    /// When each kind of call last led to a probe.
    private var answered: [Call: Duration] = [:]
    private var calls: Set<Call> = []
    /// Broken connections that called in a row, each within two intervals of the one before.
    private var breaks = 0

    init(interval: Duration) { self.interval = interval }

    mutating func call(_ call: Call) { calls.insert(call) }

    mutating func began(now: Duration) {
        if calls.contains(.brokenConnection) {
            breaks = answered[.brokenConnection].map { now - $0 <= interval * 2 } ?? false ? breaks + 1 : 0
        }
        for call in calls { answered[call] = now }
        calls = []
        lastStart = now
    }

    /// - Parameter delay: from start to start, if nothing calls.
    func next(after delay: Duration) -> Duration {
        guard let lastStart else { return .zero }
        var next = lastStart + delay
        for call in calls { next = min(next, max(lastStart + gap(call), earliest(call))) }
        return next
    }

    private func gap(_ call: Call) -> Duration { call == .change ? Self.shortest : min(Self.quick, interval) }

    /// The earliest time that earlier calls of this kind allow.
    private func earliest(_ call: Call) -> Duration {
        guard let last = answered[call] else { return .zero }
        switch call {
        case .failure: return last + interval
        case .brokenConnection: return last + min(interval, Self.quick * (1 << min(breaks, 10)))
        case .change: return last
        }
    }
}
