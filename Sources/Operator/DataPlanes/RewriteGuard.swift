import Fleet

/// How often one object may be given the same content, as a value.
///
/// Two writers that undo each other would go on for ever, at full speed: a mutating policy that strips our label, a
/// controller that keeps its own list. What is undone is written again at once three times, which puts back what a person or
/// a single mishap took away. After that it is written once in 30 s, and told of. (That is a bucket of four writes, which
/// gets one more every 30 s.)
///
/// It is kept by the hash of the content, so that what is wanted anew is written at once. Only what was written in the last
/// two minutes takes room.
struct RewriteGuard: Sendable {
    struct Complaint: Sendable, Hashable {
        var reason: FailureReason
        var message: String
    }
    private struct Entry {
        /// When as many writes may go out at once as at first.
        var isFullAt: Duration
        /// What the last write led to.
        var complaint: Complaint?
    }

    static let interval = Duration.seconds(30)
    static let quickTries = 3
    private var entries: [UInt64: Entry] = [:]

    /// How long to wait before this content may be written; nil: not at all.
    func wait(_ content: UInt64, now: Duration) -> Duration? {
        guard let entry = entries[content] else { return nil }
        let wait = entry.isFullAt - Self.interval * Self.quickTries - now
        return wait > .zero ? wait : nil
    }

    /// It was written, and the server has taken it.
    mutating func wrote(_ content: UInt64, now: Duration) {
        entries[content] = Entry(isFullAt: max(entries[content]?.isFullAt ?? .zero, now) + Self.interval)
    }

    /// Why that did not last. It stays until the next write.
    mutating func complain(_ content: UInt64, _ complaint: Complaint) { entries[content]?.complaint = complaint }

    func complaint(_ content: UInt64) -> Complaint? { entries[content]?.complaint }

    /// Lets go of what has no effect any more.
    mutating func sweep(now: Duration) {
        if entries.isEmpty { return }
        entries = entries.filter { $0.value.isFullAt > now }
    }
}
