/// The inputs and outputs of a `WorkQueueState`, and what it keeps for a waiting key.
extension WorkQueueState {
    public enum Priority: Int, Sendable, Hashable, Comparable {
        /// First lists and resyncs.
        case background
        /// A change that just happened.
        case fresh
        public static func < (left: Priority, right: Priority) -> Bool { left.rawValue < right.rawValue }
    }

    /// How the work on a key ended.
    public enum Ending: Sendable, Hashable {
        /// The work succeeded. Failures are forgotten.
        case done
        /// As `done`, and the key is due again after this time.
        case requeue(after: Duration)
        /// The key is due again after a backoff, and not before `retryAfter`, which a server asked for.
        case failed(retryAfter: Duration?)
        /// The work was cut off, through no fault of the key. It is due again at once.
        case abandoned
    }

    public enum Poll: Sendable, Hashable {
        /// The caller works on the key and then finishes it.
        case key(Key)
        /// Nothing is due before this time. Nil: before something changes.
        case wait(until: Duration?)
        /// The queue is shut down and gives no more keys.
        case finished
    }

    struct Wake: Sendable {
        /// Nil means at once.
        var time: Duration?
        var priority: Priority
        /// The key waits because it failed, not because a caller asked for this time.
        var isBackoff = false

        /// The earlier time and the higher priority of both.
        func merged(with other: Wake) -> Wake {
            let isFirst = (time ?? .zero) <= (other.time ?? .zero)
            var merged = isFirst ? self : other
            merged.priority = max(priority, other.priority)
            return merged
        }
    }

    struct Alarm: Sendable, Comparable {
        var key: Key
        var ticket: UInt64
        var time: Duration
        static func < (left: Alarm, right: Alarm) -> Bool {
            (left.time, left.ticket) < (right.time, right.ticket)
        }
        static func == (left: Alarm, right: Alarm) -> Bool { left.ticket == right.ticket }
    }
}
