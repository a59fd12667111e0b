import DequeModule

/// The keys of one priority that are ready, in the order in which they came.
///
/// A key that moves leaves its old place behind as a leftover. The old ticket marks it, which is cheaper than a search.
struct WorkQueueLane<Key: Hashable & Sendable>: Sendable {
    struct Waiting: Sendable {
        var key: Key
        /// The ticket of the entry. A key with another ticket has moved on, and this is a leftover.
        var ticket: UInt64
        var since: Duration
    }

    private var waiting = Deque<Waiting>()
    /// How many keys are ready. Leftovers don't count.
    private(set) var live = 0

    /// Since when the first key waits, which may be a leftover.
    var oldest: Duration? { waiting.first?.since }

    mutating func append(_ new: Waiting) {
        waiting.append(new)
        live += 1
    }

    /// The caller says whether the key is live, and calls `leave` if it is.
    mutating func popFirst() -> Waiting? { waiting.popFirst() }

    /// A live key has moved to another place.
    mutating func leave() { live -= 1 }

    /// Drops the leftovers before the first live key.
    mutating func dropLeftovers(_ isLive: (Waiting) -> Bool) {
        while let first = waiting.first, !isLive(first) { waiting.removeFirst() }
    }

    /// Drops all leftovers once they outnumber the live keys.
    mutating func sweep(_ isLive: (Waiting) -> Bool) {
        guard waiting.count > 2 * live + 64 else { return }
        waiting = Deque(waiting.filter(isLive))
    }
}
