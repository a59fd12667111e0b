import HeapModule
import Support

/// A work queue as a value: which key to work on next, and when.
///
/// Guarantees:
/// - A key is at one place only: ready, delayed or in flight. It is never handed out while it is in flight.
/// - A key added while in flight is handed out again after it is finished: no change is lost.
/// - Of several times for one key the earliest counts.
/// - Fresh keys go before background ones. While there are background keys, at least every `backgroundShare`-th key
///   handed out is one of them. Within a priority the order is that of arrival.
/// - At most `limit` keys are in flight, and at most `limit - freshReserve` of them are background ones. So a fresh key
///   finds a slot, however long the background keys take. `share` may bound the background ones further.
/// - A key that has failed `freshFailures` times in a row goes on as a background key.
///
/// Memory is proportional to the keys in the queue: it keeps nothing for a key that is neither waiting nor in flight.
public struct WorkQueueState<Key: Hashable & Sendable>: Sendable {
    /// The most keys that may be in flight.
    public let limit: Int
    /// The slots that background keys don't get.
    public let freshReserve: Int
    /// The part of a `WorkShare`: the most background keys that may be in flight now.
    var share = Int.max
    /// After this many failures in a row a key loses its priority.
    public static var freshFailures: Int { 3 }

    private enum Mode: Sendable { case running, paused, shutDown }

    private enum Place: Sendable {
        case ready(ticket: UInt64, Priority)
        case delayed(ticket: UInt64, Wake)
        /// `again` is what callers asked for meanwhile. It counts when the key is finished.
        case inFlight(since: Duration, again: Wake?)
    }

    private struct Entry: Sendable {
        var place: Place
        var priority: Priority
        /// The failures in a row.
        var failures = 0
    }

    private let backoff: BackoffPolicy
    private let backgroundShare: Int
    private var random: SeededRandom
    private var mode = Mode.running
    private var entries: [Key: Entry] = [:]
    private var fresh = WorkQueueLane<Key>()
    private var background = WorkQueueLane<Key>()
    private var alarms = Heap<Alarm>()
    private var lastTicket: UInt64 = 0
    private var freshInARow = 0
    private var delayed = 0
    private var inFlight = 0
    private var backgroundInFlight = 0
    private var retrying = 0
    private var counters = WorkQueueMetrics()

    /// - Parameter freshReserve: must be less than `limit`.
    public init(
        limit: Int = 4, freshReserve: Int = 0,
        backoff: BackoffPolicy = BackoffPolicy(base: .milliseconds(500), cap: .seconds(60)),
        backgroundShare: Int = 8, seed: UInt64 = .random(in: .min ... .max)
    ) {
        self.limit = limit
        self.freshReserve = freshReserve
        self.backoff = backoff
        self.backgroundShare = max(2, backgroundShare)
        random = SeededRandom(seed: seed)
    }

    // MARK: Adding

    /// Adds a key that is due now, also one in backoff: the change may have removed the cause of the failure.
    public mutating func add(_ key: Key, priority: Priority = .fresh, now: Duration) {
        want(key, Wake(time: nil, priority: priority), now: now)
    }

    /// Adds a key that is due after `delay`. An earlier time for the same key counts.
    public mutating func add(_ key: Key, after delay: Duration, priority: Priority = .background, now: Duration) {
        want(key, Wake(time: delay > .zero ? now + delay : nil, priority: priority), now: now)
    }

    private mutating func want(_ key: Key, _ wake: Wake, now: Duration) {
        guard mode != .shutDown else { return }
        guard var entry = entries[key] else {
            counters.added += 1
            place(key, wake, failures: 0, now: now)
            return
        }
        switch entry.place {
        case .ready(_, let priority):
            guard wake.time == nil, wake.priority > priority else { return }
            background.leave()
            place(key, wake, failures: entry.failures, now: now)
        case .delayed(let ticket, let before):
            let merged = before.merged(with: wake)
            if merged.time == before.time {
                entry.place = .delayed(ticket: ticket, merged)
                entries[key] = entry
            } else {
                delayed -= 1
                place(key, merged, failures: entry.failures, now: now)
            }
        case .inFlight(let since, let again):
            if again == nil { counters.added += 1 }
            entry.place = .inFlight(since: since, again: again?.merged(with: wake) ?? wake)
            entries[key] = entry
        }
    }

    /// Puts a key that is at no other place into its lane or among the alarms.
    private mutating func place(_ key: Key, _ wake: Wake, failures: Int, now: Duration) {
        lastTicket += 1
        guard let time = wake.time, time > now else {
            let waiting = WorkQueueLane.Waiting(key: key, ticket: lastTicket, since: now)
            entries[key] = Entry(
                place: .ready(ticket: lastTicket, wake.priority), priority: wake.priority, failures: failures)
            if wake.priority == .fresh {
                fresh.append(waiting)
            } else {
                background.append(waiting)
                // Only this lane has leftovers: a key leaves the fresh lane only by being handed out.
                background.sweep { [entries] in Self.isLive($0, entries) }
            }
            return
        }
        delayed += 1
        entries[key] = Entry(place: .delayed(ticket: lastTicket, wake), priority: wake.priority, failures: failures)
        alarms.insert(Alarm(key: key, ticket: lastTicket, time: time))
        compactAlarms()
    }

    // MARK: Handing out

    /// Hands out the next key, which is in flight from now on. If there is none, says how long to wait.
    public mutating func poll(now: Duration) -> Poll {
        switch mode {
        case .shutDown: return .finished
        case .paused: return .wait(until: nil)
        case .running: break
        }
        wakeDue(now: now)
        guard inFlight < limit else { return .wait(until: nil) }
        guard let key = popReady(now: now) else { return .wait(until: alarms.min?.time) }
        inFlight += 1
        counters.handedOut += 1
        return .key(key)
    }

    /// When `poll` will hand out something. Nil: not before something changes. The time may be too early, because
    /// leftovers of keys that moved count until `poll` finds them.
    func due(now: Duration) -> Duration? {
        switch mode {
        case .shutDown: return now
        case .paused: return nil
        case .running: break
        }
        guard inFlight < limit else { return nil }
        return fresh.live > 0 || mayTakeBackground ? now : alarms.min?.time
    }

    private var mayTakeBackground: Bool {
        background.live > 0 && backgroundInFlight < min(limit - freshReserve, share)
    }

    /// Whether it takes part in a `WorkShare`: background keys are in flight, or may be next.
    var isBusy: Bool { backgroundInFlight > 0 || (background.live > 0 && mode == .running) }

    private mutating func popReady(now: Duration) -> Key? {
        let takesBackground = mayTakeBackground && (fresh.live == 0 || freshInARow >= backgroundShare - 1)
        guard takesBackground || fresh.live > 0 else {
            if background.live == 0 { freshInARow = 0 }
            return nil
        }
        freshInARow = takesBackground ? 0 : freshInARow + 1
        while let waiting = takesBackground ? background.popFirst() : fresh.popFirst() {
            guard var entry = entries[waiting.key], case .ready(waiting.ticket, _) = entry.place else { continue }
            if takesBackground {
                background.leave()
                backgroundInFlight += 1
            } else {
                fresh.leave()
            }
            entry.place = .inFlight(since: now, again: nil)
            entries[waiting.key] = entry
            counters.waited.observe(now - waiting.since)
            return waiting.key
        }
        return nil
    }

    /// Moves due keys to the lanes. It also drops leftovers, so that the first alarm is a real one.
    private mutating func wakeDue(now: Duration) {
        while let alarm = alarms.min {
            let entry = entries[alarm.key]
            if let entry, case .delayed(alarm.ticket, var wake) = entry.place {
                guard alarm.time <= now else { return }
                wake.time = nil
                delayed -= 1
                place(alarm.key, wake, failures: entry.failures, now: now)
            }
            alarms.removeMin()
        }
    }

    // MARK: Finishing

    /// Ends the work on a key in flight. Ignored for any other key.
    public mutating func finish(_ key: Key, _ ending: Ending, now: Duration) {
        guard let entry = entries[key], case .inFlight(let since, let again) = entry.place else { return }
        entries[key] = nil
        counters.worked.observe(now - since)
        inFlight -= 1
        if entry.priority == .background { backgroundInFlight -= 1 }
        var failures = entry.failures
        var next: Wake?
        switch ending {
        case .done:
            failures = 0
        case .requeue(let delay):
            failures = 0
            next = Wake(time: delay > .zero ? now + delay : nil, priority: .background)
        case .failed(let retryAfter):
            failures += 1
            counters.failures += 1
            let delay = max(backoff.delay(failures: failures, using: &random), retryAfter ?? .zero)
            let priority = failures < Self.freshFailures ? entry.priority : .background
            next = Wake(time: now + delay, priority: priority, isBackoff: true)
        case .abandoned:
            next = Wake(time: nil, priority: entry.priority)
        }
        retrying += (failures > 0 ? 1 : 0) - (entry.failures > 0 ? 1 : 0)
        if let again { next = next?.merged(with: again) ?? again }
        guard let next, mode != .shutDown else {
            if failures > 0 { retrying -= 1 }
            if entries.isEmpty { releaseMemory() }
            return
        }
        place(key, next, failures: failures, now: now)
    }

    /// Resets the failures of a key, so that its next failure waits like a first one.
    private mutating func forget(_ key: Key) {
        guard var entry = entries[key], entry.failures > 0 else { return }
        entry.failures = 0
        retrying -= 1
        entries[key] = entry
    }

    /// Forgets every failure. Keys that wait because of a failure are due now: its cause is gone.
    public mutating func clearBackoff(now: Duration) {
        for (key, entry) in entries {
            forget(key)
            guard case .delayed(_, var wake) = entry.place, wake.isBackoff else { continue }
            wake.time = nil
            wake.isBackoff = false
            delayed -= 1
            place(key, wake, failures: 0, now: now)
        }
    }

    // MARK: Modes

    /// Hands out nothing until `resume`. Adding and finishing go on.
    public mutating func pause() { if mode == .running { mode = .paused } }
    public mutating func resume() { if mode == .paused { mode = .running } }

    /// Hands out nothing from now on, for good, and forgets waiting keys. Keys in flight must still be finished.
    public mutating func shutDown() {
        mode = .shutDown
        entries = entries.filter { if case .inFlight = $0.value.place { true } else { false } }
        retrying = entries.values.count { $0.failures > 0 }
        (fresh, background, alarms) = (WorkQueueLane(), WorkQueueLane(), [])
        delayed = 0
    }

    public var hasInFlight: Bool { inFlight > 0 }
    /// The priority of a key in flight, with what was added meanwhile.
    public func priority(of key: Key) -> Priority {
        guard let entry = entries[key] else { return .background }
        if case .inFlight(_, let again?) = entry.place, again.time == nil { return max(entry.priority, again.priority) }
        return entry.priority
    }
    public func isInFlight(_ key: Key) -> Bool { if case .inFlight = entries[key]?.place { true } else { false } }

    /// The longest wait of a key in flight if it fails now, without a server's `retryAfter`.
    public func longestBackoff(of key: Key) -> Duration {
        backoff.ceiling(failures: (entries[key]?.failures ?? 0) + 1)
    }

    // MARK: Metrics

    public mutating func metrics(now: Duration) -> WorkQueueMetrics {
        dropLeftovers()
        var metrics = counters
        metrics.depth = fresh.live + background.live
        metrics.inFlight = inFlight
        metrics.delayed = delayed
        metrics.retrying = retrying
        let oldest = [fresh.oldest, background.oldest].compactMap { $0 }.min()
        metrics.oldestAge = oldest.map { max(.zero, now - $0) } ?? .zero
        if inFlight > 0 {
            for case .inFlight(let since, _) in entries.values.lazy.map(\.place) {
                let age = max(.zero, now - since)
                metrics.unfinished += age
                metrics.longestUnfinished = max(metrics.longestUnfinished, age)
            }
        }
        return metrics
    }

    // MARK: Leftovers

    private static func isLive(_ waiting: WorkQueueLane<Key>.Waiting, _ entries: [Key: Entry]) -> Bool {
        if case .ready(waiting.ticket, _) = entries[waiting.key]?.place { true } else { false }
    }

    private mutating func dropLeftovers() {
        fresh.dropLeftovers { [entries] in Self.isLive($0, entries) }
        background.dropLeftovers { [entries] in Self.isLive($0, entries) }
    }

    /// After a burst, an empty table would keep its size.
    private mutating func releaseMemory() {
        guard entries.capacity > 64 else { return }
        entries = [:]
        (fresh, background, alarms) = (WorkQueueLane(), WorkQueueLane(), [])
    }

    /// The alarms have leftovers as the lanes have.
    private mutating func compactAlarms() {
        guard alarms.count > 2 * delayed + 64 else { return }
        alarms = Heap(
            alarms.unordered.filter { alarm in
                if case .delayed(alarm.ticket, _) = entries[alarm.key]?.place { true } else { false }
            })
    }
}
