/// Lets requests out, by a rate or by a window of requests in flight. A pure value; the caller passes the time.
struct RequestPace: Sendable {
    enum Rule: Sendable {
        case rate(TokenBucket)
        case window(FlightWindow)
    }
    private(set) var rule: Rule
    private(set) var inFlight = 0

    init(_ rule: Rule) { self.rule = rule }

    var isWindow: Bool { if case .window = rule { true } else { false } }
    /// Nil while a rate is the limit.
    var window: Int? { if case .window(let window) = rule { window.limit } else { nil } }

    /// Takes another rule. Requests in flight stay counted.
    mutating func change(to rule: Rule) { self.rule = rule }

    /// Takes a place for a request. False if it has to wait.
    mutating func take(now: Duration) -> Bool {
        switch rule {
        case .rate(var bucket):
            let isTaken = bucket.take(now: now)
            rule = .rate(bucket)
            if isTaken { inFlight += 1 }
            return isTaken
        case .window(var window):
            if now < window.closedUntil { return false }
            if inFlight < window.limit {
                inFlight += 1
                return true
            }
            window.isNeeded()
            rule = .window(window)
            return false
        }
    }

    /// The time until a request may go out. Nil if that depends on the requests in flight.
    mutating func delay(now: Duration) -> Duration? {
        switch rule {
        case .rate(var bucket):
            defer { rule = .rate(bucket) }
            return bucket.delay(now: now)
        case .window(let window):
            if now < window.closedUntil { return window.closedUntil - now }
            return inFlight < window.limit ? .zero : nil
        }
    }

    /// Gives back the place of a request that will not be sent.
    mutating func giveBack(now: Duration) {
        inFlight -= 1
        guard case .rate(var bucket) = rule else { return }
        bucket.giveBack(now: now)
        rule = .rate(bucket)
    }

    /// A request has ended.
    mutating func finished(_ result: RequestResult, now: Duration) {
        inFlight -= 1
        guard case .window(var window) = rule else { return }
        switch result {
        case .silent: return
        case .answered(let took): window.answered(after: took, now: now)
        case .refused(let retryAfter): window.refused(retryAfter: retryAfter, now: now)
        }
        rule = .window(window)
    }
}

/// What a finished request says about the load that its server can bear.
enum RequestResult: Sendable, Hashable {
    /// A write was answered after this time.
    case answered(after: Duration)
    /// The server has too much to do: 429.
    case refused(retryAfter: Duration?)
    /// Nothing: a list takes its own time, and a request that was never sent took none.
    case silent
}
