/// The purpose of a request, for the limit.
public enum RequestPriority: Sendable, Hashable {
    /// First lists and resyncs. Nobody waits for such a request in particular.
    case background
    /// A request for something that was just changed.
    case fresh
}

/// A request's place among those that wait for the limit.
public struct RequestTurn: Sendable {
    public var priority: RequestPriority
    /// The subject of the request. `RequestLimiter.raise` finds the request by it.
    public var subject: String?
    /// Whether the request has become fresh since `priority` was set. It is called once the request waits. A caller
    /// that raises the subject first makes this true, so it either is seen here or finds the request waiting.
    public var isFreshByNow: (@Sendable () -> Bool)?

    public init(
        _ priority: RequestPriority = .fresh, subject: String? = nil, isFreshByNow: (@Sendable () -> Bool)? = nil
    ) {
        self.priority = priority
        self.subject = subject
        self.isFreshByNow = isFreshByNow
    }
}

/// Decides which request goes out next. A pure value; the caller passes the time.
///
/// Guarantees:
/// - It lets no more requests out than the pace does.
/// - Fresh requests go before background requests. But while any background request waits, at least every
///   `backgroundShare`-th place goes to one. A lane keeps the order of arrival. A raised request goes to the end of the
///   fresh lane.
/// - No request overtakes one that waits in the same lane, even if a place is free at once.
struct RequestLanes: Sendable {
    typealias Ticket = UInt64

    private struct Waiting: Sendable {
        var ticket: Ticket
        var subject: String?
    }

    private(set) var pace: RequestPace
    private let backgroundShare: Int
    // There are at most a few dozen (as many as workers), so arrays are fast enough.
    private var fresh = [Waiting]()
    private var background = [Waiting]()
    private var freshInARow = 0
    private var lastTicket: Ticket = 0

    init(_ bucket: TokenBucket, backgroundShare: Int = 8) {
        self.init(RequestPace(.rate(bucket)), backgroundShare: backgroundShare)
    }

    init(_ pace: RequestPace, backgroundShare: Int = 8) {
        self.pace = pace
        self.backgroundShare = max(2, backgroundShare)
    }

    var waiting: Int { fresh.count + background.count }

    /// Nil if the request may go at once. Otherwise its ticket, by which `hand` will name it.
    mutating func enter(_ turn: RequestTurn, now: Duration) -> Ticket? {
        if waiting == 0, pace.take(now: now) { return nil }
        lastTicket += 1
        let waiting = Waiting(ticket: lastTicket, subject: turn.subject)
        switch turn.priority {
        case .fresh: fresh.append(waiting)
        case .background: background.append(waiting)
        }
        return lastTicket
    }

    /// The tickets that may go now, in their order.
    mutating func hand(now: Duration) -> [Ticket] {
        var tickets: [Ticket] = []
        while waiting > 0, pace.take(now: now) {
            let takesBackground = !background.isEmpty && (fresh.isEmpty || freshInARow >= backgroundShare - 1)
            freshInARow = takesBackground ? 0 : freshInARow + 1
            tickets.append(takesBackground ? background.removeFirst().ticket : fresh.removeFirst().ticket)
        }
        if background.isEmpty { freshInARow = 0 }
        return tickets
    }

    /// The time until `hand` will let a request out. Nil while no request waits, and when it depends on the requests in
    /// flight.
    mutating func delay(now: Duration) -> Duration? { waiting == 0 ? nil : pace.delay(now: now) }

    /// A request that was let out has ended.
    mutating func finished(_ result: RequestResult, now: Duration) { pace.finished(result, now: now) }

    mutating func change(to rule: RequestPace.Rule) { pace.change(to: rule) }

    /// Takes the request out of its lane. A request that was let out already gives its place back.
    mutating func leave(_ ticket: Ticket, now: Duration) {
        let before = waiting
        fresh.removeAll { $0.ticket == ticket }
        background.removeAll { $0.ticket == ticket }
        if waiting == before { pace.giveBack(now: now) }
    }

    /// From now on, waiting requests for these subjects are fresh.
    mutating func raise(_ subjects: Set<String>) { raise { $0.subject.map(subjects.contains) ?? false } }
    mutating func raise(_ ticket: Ticket) { raise { $0.ticket == ticket } }

    private mutating func raise(_ isMeant: (Waiting) -> Bool) {
        guard !background.isEmpty else { return }
        let raised = background.filter(isMeant)
        guard !raised.isEmpty else { return }
        background.removeAll(where: isMeant)
        fresh.append(contentsOf: raised)
    }

    /// The lane in which it waits. Nil if it does not wait.
    func lane(of ticket: Ticket) -> RequestPriority? {
        if fresh.contains(where: { $0.ticket == ticket }) { return .fresh }
        return background.contains { $0.ticket == ticket } ? .background : nil
    }

    /// The waiting request that waits on the clock for all others.
    var anyWaiting: Ticket? { fresh.first?.ticket ?? background.first?.ticket }
}
