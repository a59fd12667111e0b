/// When a data plane is to be probed next, as a value.
///
/// Probes have an interval, and may be called before it is over. A data plane must not be able to make us probe without end,
/// so each kind of call has a rate of its own:
/// - A request that failed calls one probe an interval. Where probes are answered well, the failure is that object's alone,
///   and 450 of them say no more than one.
/// - A connection that broke calls one at once: nothing is written before it is seen who answers. Where that goes on, each
///   call waits for twice as long as the last one, up to the interval.
/// - A change of settings or of what is needed comes from the control plane, and somebody waits for it.
struct ProbeSchedule: Sendable, Hashable {
    enum Call: Sendable, Hashable, CaseIterable { case failure, brokenConnection, change }

    /// Between two probes that look into a failure.
    static let quick = Duration.milliseconds(500)
    /// Between any two.
    static let shortest = Duration.milliseconds(20)

    let interval: Duration
    private(set) var lastStart: Duration?
    /// The last one that each call has led to.
    private var answered: [Call: Duration] = [:]
    private var calls: Set<Call> = []
    /// Broken connections that called in a row, without a whole interval between them.
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

    /// - Parameter delay: from start to start, where nothing calls.
    func next(after delay: Duration) -> Duration {
        guard let lastStart else { return .zero }
        var next = lastStart + delay
        for call in calls { next = min(next, max(lastStart + gap(call), earliest(call))) }
        return next
    }

    private func gap(_ call: Call) -> Duration { call == .change ? Self.shortest : min(Self.quick, interval) }

    /// As far as earlier calls of this kind put it off.
    private func earliest(_ call: Call) -> Duration {
        guard let last = answered[call] else { return .zero }
        switch call {
        case .failure: return last + interval
        case .brokenConnection: return last + min(interval, Self.quick * (1 << min(breaks, 10)))
        case .change: return last
        }
    }
}
