import KubeObjects
import Support

extension FailureEntry: Comparable {
    /// The oldest first, in an order that doesn't change from one look to the next.
    public static func < (left: FailureEntry, right: FailureEntry) -> Bool {
        (left.since, left.namespace, left.object) < (right.since, right.namespace, right.object)
    }

    /// How many a status holds.
    public static let limit = 16

    /// What a status shows of all failures: the oldest.
    public static func bounded(_ failures: [FailureEntry]) -> [FailureEntry] {
        failures.sorted().prefix(limit).map {
            var entry = $0
            entry.message = entry.message.cut(toBytes: 512)
            return entry
        }
    }

    /// The next entry for an object that failed again: `since` stays while the reason does.
    public static func next(
        after previous: FailureEntry?, namespace: String, object: String, reason: FailureReason, message: String,
        now: Instant
    ) -> FailureEntry {
        let continues = previous?.reason == reason.rawValue
        return FailureEntry(
            namespace: namespace, object: object, reason: reason, message: message,
            since: continues ? previous?.since ?? Timestamp(now) : Timestamp(now),
            attempts: continues ? (previous?.attempts ?? 0) + 1 : 1)
    }
}
