/// What a request is for, as far as the rate limit is concerned.
public enum RequestPriority: Sendable, Hashable {
    /// First lists and resyncs: nobody waits for this one in particular.
    case background
    /// Somebody has just changed something.
    case fresh
}

/// A request's place among those that wait for the rate limit.
public struct RequestTurn: Sendable {
    public var priority: RequestPriority
    /// What it is about, by which `RateLimiter.raise` finds it.
    public var subject: String?
    /// Whether it has become fresh since `priority` was asked for. Asked once it waits: who raises the subject says so
    /// here first, so he is seen here, or finds it waiting.
    public var isFreshByNow: (@Sendable () -> Bool)?

    public init(
        _ priority: RequestPriority = .fresh, subject: String? = nil, isFreshByNow: (@Sendable () -> Bool)? = nil
    ) {
        self.priority = priority
        self.subject = subject
        self.isFreshByNow = isFreshByNow
    }
}

/// Who gets the next token, as a value; time is given.
///
/// Guarantees:
/// - No more tokens are handed out than the bucket has.
/// - Fresh requests go before background ones, but at least every `backgroundShare`-th token goes to a background one
///   while any waits. Within a lane the order is that of arrival; who is raised goes to the end of the fresh lane.
/// - Nobody overtakes one who waits in the same lane, also where a token is there at once.
struct TokenLanes: Sendable {
    typealias Ticket = UInt64

    private struct Waiting: Sendable {
        var ticket: Ticket
        var subject: String?
    }

    private var bucket: TokenBucket
    private let backgroundShare: Int
    // A few dozen at the most (as many as there are workers): arrays will do.
    private var fresh = [Waiting]()
    private var background = [Waiting]()
    private var freshInARow = 0
    private var lastTicket: Ticket = 0

    init(_ bucket: TokenBucket, backgroundShare: Int = 8) {
        self.bucket = bucket
        self.backgroundShare = max(2, backgroundShare)
    }

    var waiting: Int { fresh.count + background.count }

    /// Nil: it may go at once. Else its ticket, under which `hand` will name it.
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

    /// Those that may go now, in their order.
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

    /// Until `hand` will have a token; nil while nobody waits.
    mutating func delay(now: Duration) -> Duration? { waiting == 0 ? nil : bucket.delay(now: now) }

    /// Waits no more. One that has been handed its token already gives it back.
    mutating func leave(_ ticket: Ticket, now: Duration) {
        let before = waiting
        fresh.removeAll { $0.ticket == ticket }
        background.removeAll { $0.ticket == ticket }
        if waiting == before { bucket.giveBack(now: now) }
    }

    /// What waits for one of these subjects is fresh from now on.
    mutating func raise(_ subjects: Set<String>) { raise { $0.subject.map(subjects.contains) ?? false } }
    mutating func raise(_ ticket: Ticket) { raise { $0.ticket == ticket } }

    private mutating func raise(_ isMeant: (Waiting) -> Bool) {
        guard !background.isEmpty else { return }
        let raised = background.filter(isMeant)
        guard !raised.isEmpty else { return }
        background.removeAll(where: isMeant)
        fresh.append(contentsOf: raised)
    }

    /// In which lane it waits; nil once it doesn't.
    func lane(of ticket: Ticket) -> RequestPriority? {
        if fresh.contains(where: { $0.ticket == ticket }) { return .fresh }
        return background.contains { $0.ticket == ticket } ? .background : nil
    }

    /// One who waits, to watch the time for all.
    var anyWaiting: Ticket? { fresh.first?.ticket ?? background.first?.ticket }
}
