/// The phase of an exchange, and how long it may stay in it: the four timeouts, each on its own clock. A pure value.
/// Times are monotonic nanoseconds.
struct TransferClock {
    enum Phase: Equatable {
        /// The exchange waits for a connection that others make or use. → connecting, waitingForHead
        case queued
        /// Name lookup, TCP, TLS. → waitingForHead
        case connecting(since: UInt64)
        /// The request is on its way. → receiving; → waitingForHead where libcurl sends it again
        case waitingForHead(since: UInt64)
        /// `since`: when the last piece came. → paused
        case receiving(since: UInt64)
        /// The reader is behind. Only the clock of the whole exchange runs. → receiving
        case paused
    }

    struct Expiry: Equatable {
        var at: UInt64
        var phase: HTTPError.Phase
    }

    private(set) var phase = Phase.queued
    private let limits: HTTPTimeouts
    private let start: UInt64

    init(_ limits: HTTPTimeouts, start: UInt64) {
        self.limits = limits
        self.start = start
    }

    mutating func beginsConnecting(_ now: UInt64) { if phase == .queued { phase = .connecting(since: now) } }
    mutating func requestGoesOut(_ now: UInt64) { phase = .waitingForHead(since: now) }
    mutating func receives(_ now: UInt64) { phase = .receiving(since: now) }
    mutating func pauses() { phase = .paused }

    /// Whether a byte of the request may have left.
    var wasSent: Bool {
        switch phase {
        case .queued, .connecting: false
        case .waitingForHead, .receiving, .paused: true
        }
    }

    /// The timeout that expires first.
    ///
    /// Before there is a first connection (`hasConnected` is false), waiting for another exchange's attempt to connect
    /// counts as connecting, from the start. Otherwise everything in the queue of a dead server would wait for its own
    /// attempt, one after the other. Later a queue is only busy, and the clock of the first byte limits it.
    func expiry(hasConnected: Bool) -> Expiry? {
        let current: (since: UInt64, limit: Duration?, phase: HTTPError.Phase)?
        switch phase {
        case .queued where hasConnected: current = (start, limits.firstByte, .firstByte)
        case .queued: current = (start, limits.connect, .connect)
        case .connecting(let since): current = (hasConnected ? since : start, limits.connect, .connect)
        case .waitingForHead(let since): current = (since, limits.firstByte, .firstByte)
        case .receiving(let since): current = (since, limits.idle, .idle)
        case .paused: current = nil
        }
        var expiry: Expiry?
        if let current, let limit = current.limit {
            expiry = Expiry(at: current.since.advanced(by: limit), phase: current.phase)
        }
        if let total = limits.total {
            let end = Expiry(at: start.advanced(by: total), phase: .total)
            if expiry.map({ end.at < $0.at }) ?? true { expiry = end }
        }
        return expiry
    }

    func limit(of phase: HTTPError.Phase) -> Duration? {
        switch phase {
        case .connect: limits.connect
        case .firstByte: limits.firstByte
        case .idle: limits.idle
        case .total: limits.total
        }
    }
}

extension UInt64 {
    /// The time after `duration`, in nanoseconds. It never overflows, and is never earlier than `self`.
    fileprivate func advanced(by duration: Duration) -> UInt64 {
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0 else { return self }
        guard seconds < 1 << 32 else { return .max }
        return self &+ UInt64(seconds) * 1_000_000_000 &+ UInt64(attoseconds) / 1_000_000_000
    }
}
