/// How long changes of the control plane take to the last write in one data plane, by namespace.
///
/// A namespace counts once it is in sync, and only if something was written in it for the change. One that was in sync
/// already took no time.
struct SyncLatencies: Sendable {
    private struct Waiting: Sendable {
        var since: Duration
        var lastWrite: Duration?
    }
    private var waiting: [String: Waiting] = [:]

    /// The plan of these namespaces changed at `since`. Of several waiting changes the first counts.
    mutating func changed(_ namespaces: some Sequence<String>, since: Duration) {
        for namespace in namespaces where waiting[namespace] == nil { waiting[namespace] = Waiting(since: since) }
    }

    mutating func retain(where isWanted: (String) -> Bool) {
        if waiting.isEmpty { return }
        waiting = waiting.filter { isWanted($0.key) }
    }

    mutating func wrote(_ namespace: String, now: Duration) { waiting[namespace]?.lastWrite = now }

    /// The namespace is in sync. Nil if nothing was written for a change.
    mutating func settled(_ namespace: String) -> Duration? {
        guard let entry = waiting.removeValue(forKey: namespace) else { return nil }
        // After a burst, an empty table would keep its size.
        if waiting.isEmpty, waiting.capacity > 16 { waiting = [:] }
        guard let lastWrite = entry.lastWrite else { return nil }
        return max(.zero, lastWrite - entry.since)
    }
}
