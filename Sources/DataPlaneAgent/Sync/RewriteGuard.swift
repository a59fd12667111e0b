import Fleet

/// Limits how often one object is given the same content, as a value.
///
/// Two writers that undo each other would go on for ever at full speed, for example we and a mutating policy that
/// strips our label. An undone write is repeated at once three times, which mends what a person or a single mishap
/// removed. After that it is repeated once in 30 s and reported. (That is a bucket of four writes, which gains one
/// every 30 s.)
///
/// The key is the hash of the content, so that a new content is written at once. Only writes of the last two minutes
/// take memory.
struct RewriteGuard: Sendable {
    struct Complaint: Sendable, Hashable {
        var reason: FailureReason
        var message: String
    }
    private struct Entry {
        /// When the bucket is full again.
        var isFullAt: Duration
        /// Why the last write did not last.
        var complaint: Complaint?
    }

    static let interval = Duration.seconds(30)
    static let quickTries = 3
    private var entries: [UInt64: Entry] = [:]

    /// How long to wait before this content may be written. Nil: no wait.
    func wait(_ content: UInt64, now: Duration) -> Duration? {
        guard let entry = entries[content] else { return nil }
        let wait = entry.isFullAt - Self.interval * Self.quickTries - now
        return wait > .zero ? wait : nil
    }

    /// Notes a write that the server accepted.
    mutating func wrote(_ content: UInt64, now: Duration) {
        entries[content] = Entry(isFullAt: max(entries[content]?.isFullAt ?? .zero, now) + Self.interval)
    }

    /// Notes why that write did not last. It stays until the next write.
    mutating func complain(_ content: UInt64, _ complaint: Complaint) { entries[content]?.complaint = complaint }

    func complaint(_ content: UInt64) -> Complaint? { entries[content]?.complaint }

    /// Drops entries that no longer have an effect.
    mutating func sweep(now: Duration) {
        if entries.isEmpty { return }
        entries = entries.filter { $0.value.isFullAt > now }
    }
}
