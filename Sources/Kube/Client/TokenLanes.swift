/// The purpose of a request, for the rate limit.
public enum RequestPriority: Sendable, Hashable {
    /// First lists and resyncs. Nobody waits for such a request in particular.
    case background
    /// A request for something that was just changed.
    case fresh
}

/// A request's place among those that wait for the rate limit.
public struct RequestTurn: Sendable {
    public var priority: RequestPriority
    /// The subject of the request. `RateLimiter.raise` finds the request by it.
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

/// Decides which request gets the next token. A pure value; the caller passes the time.
///
/// Guarantees:
/// - It hands out no more tokens than the bucket has.
/// - Fresh requests go before background requests. But while any background request waits, at least every
///   `backgroundShare`-th token goes to one. A lane keeps the order of arrival. A raised request goes to the end of the
///   fresh lane.
/// - No request overtakes one that waits in the same lane, even if a token is there at once.
struct TokenLanes: Sendable {
    typealias Ticket = UInt64

    private struct Waiting: Sendable {
        var ticket: Ticket
        var subject: String?
    }

    private var bucket: TokenBucket
    private let backgroundShare: Int
    // There are at most a few dozen (as many as workers), so arrays are fast enough.
    private var fresh = [Waiting]()
    private var background = [Waiting]()
    private var freshInARow = 0
    private var lastTicket: Ticket = 0

    init(_ bucket: TokenBucket, backgroundShare: Int = 8) {
        self.bucket = bucket
        self.backgroundShare = max(2, backgroundShare)
    }

    var waiting: Int { fresh.count + background.count }

    /// Nil if the request may go at once. Otherwise its ticket, by which `hand` will name it.
    mutating func enter(_ turn: RequestTurn, now: Duration) -> Ticket? {
        if waiting == 0, bucket.take(now: now) { return nil }
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
        while waiting > 0, bucket.take(now: now) {
            let takesBackground = !background.isEmpty && (fresh.isEmpty || freshInARow >= backgroundShare - 1)
            freshInARow = takesBackground ? 0 : freshInARow + 1
            tickets.append(takesBackground ? background.removeFirst().ticket : fresh.removeFirst().ticket)
        }
        if background.isEmpty { freshInARow = 0 }
        return tickets
    }

    /// The time until `hand` will have a token. Nil while nothing waits.
    mutating func delay(now: Duration) -> Duration? { waiting == 0 ? nil : bucket.delay(now: now) }

    /// Takes the request out of its lane. A request that already has its token gives it back.
    mutating func leave(_ ticket: Ticket, now: Duration) {
        let before = waiting
        fresh.removeAll { $0.ticket == ticket }
        background.removeAll { $0.ticket == ticket }
        if waiting == before { bucket.giveBack(now: now) }
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

    /// One of the waiting requests, which keeps the time for all.
    var anyWaiting: Ticket? { fresh.first?.ticket ?? background.first?.ticket }
}
