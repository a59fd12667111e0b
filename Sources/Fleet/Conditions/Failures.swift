import KubeObjects
import Support

extension FailureEntry: Comparable {
    /// The oldest first, in a stable order.
    public static func < (left: FailureEntry, right: FailureEntry) -> Bool {
        (left.since, left.namespace, left.object) < (right.since, right.namespace, right.object)
    }

    /// The most entries in a status, and the most bytes of a message in it.
    public static let limit = 16
    static let messageLimit = 512

    /// The part of all failures that a status shows: the oldest.
    public static func bounded(_ failures: [FailureEntry]) -> [FailureEntry] {
        failures.sorted().prefix(limit).map {
            var entry = $0
            entry.message = entry.message.cut(toBytes: messageLimit)
            return entry
        }
    }

    /// The next entry for an object that failed again. `since` stays while the reason stays.
    public static func next(
        after previous: FailureEntry?, namespace: String, object: String, reason: FailureReason, message: String,
        now: Instant
    ) -> FailureEntry {
        let continues = previous?.reason == reason.rawValue
        return FailureEntry(
            namespace: namespace, object: object, reason: reason, message: message.cut(toBytes: 2 * messageLimit),
            since: continues ? previous?.since ?? Timestamp(now) : Timestamp(now),
            attempts: continues ? (previous?.attempts ?? 0).saturatingAdd(1) : 1)
    }
}

/// An object that could not be applied, and when it is tried again.
public struct ObjectFailure: Sendable, Hashable {
    public enum NextTry: Sendable, Hashable {
        /// At the latest after a backoff of this length. A change of the object, the plan or the data plane brings an
        /// earlier try.
        case within(Duration)
        /// It can't succeed before the templates or values change.
        case whenPlanChanges
        /// Nothing is tried. The object was only compared.
        case notInObserve
    }
    public var entry: FailureEntry
    public var nextTry: NextTry

    public init(_ entry: FailureEntry, nextTry: NextTry) {
        self.entry = entry
        self.nextTry = nextTry
    }

    /// The entry for the DataPlane's status. Labels and assignments show it without the next try, since a growing
    /// backoff would otherwise cause thousands of writes.
    public var shown: FailureEntry {
        let addition =
            switch nextTry {
            case .within(let time): "; next try within \(Int(saturating: time.seconds.rounded(.up))) s"
            case .whenPlanChanges: "; next try when templates or values change"
            case .notInObserve: ""
            }
        var entry = entry
        entry.message = entry.message.cut(toBytes: FailureEntry.messageLimit - addition.utf8.count) + addition
        return entry
    }
}
