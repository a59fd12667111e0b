/// What a `WorkQueueState` says and is told, and what it keeps of a key that waits.
extension WorkQueueState {
    public enum Priority: Int, Sendable, Hashable, Comparable {
        /// First lists and resyncs.
        case background
        /// Somebody has just changed something.
        case fresh
        public static func < (left: Priority, right: Priority) -> Bool { left.rawValue < right.rawValue }
    }

    /// How the work on a key ended.
    public enum Ending: Sendable, Hashable {
        /// Done for now: failures are forgotten.
        case done
        /// As `done`, and wanted again after this time.
        case requeue(after: Duration)
        /// Again after a backoff, and not before `retryAfter` (what a server asked for).
        case failed(retryAfter: Duration?)
        /// It was not worked on to the end, for no fault of its own: at once again.
        case abandoned
    }

    public enum Poll: Sendable, Hashable {
        /// To be worked on, and then to be finished.
        case key(Key)
        /// Nothing before this time (nil: before something happens).
        case wait(until: Duration?)
        /// Shut down: nothing any more.
        case finished
    }

    struct Wake: Sendable {
        /// Nil: at once.
        var time: Duration?
        var priority: Priority
        /// It waits because it failed, not because somebody wants it then.
        var isBackoff = false

        /// The earlier time and the higher priority of both.
        func merged(with other: Wake) -> Wake {
            let isFirst = (time ?? .zero) <= (other.time ?? .zero)
            var merged = isFirst ? self : other
            merged.priority = max(priority, other.priority)
            return merged
        }
    }

    struct Waiting: Sendable {
        var key: Key
        /// The entry's; another one means that the key has moved on and this is a leftover.
        var ticket: UInt64
        var since: Duration
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
