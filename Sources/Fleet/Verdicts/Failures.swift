import KubeObjects
import Support

extension FailureEntry: Comparable {
    /// The oldest first, in an order that doesn't change from one look to the next.
    public static func < (left: FailureEntry, right: FailureEntry) -> Bool {
        (left.since, left.namespace, left.object) < (right.since, right.namespace, right.object)
    }

    /// How many a status holds, and how long a message in it may be, in bytes.
    public static let limit = 16
    static let messageLimit = 512

    /// What a status shows of all failures: the oldest.
    public static func bounded(_ failures: [FailureEntry]) -> [FailureEntry] {
        failures.sorted().prefix(limit).map {
            var entry = $0
            entry.message = entry.message.cut(toBytes: messageLimit)
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
            namespace: namespace, object: object, reason: reason, message: message.cut(toBytes: 2 * messageLimit),
            since: continues ? previous?.since ?? Timestamp(now) : Timestamp(now),
            attempts: continues ? (previous?.attempts ?? 0).saturatingAdd(1) : 1)
    }
}

/// An object that could not be applied, with when it is tried again.
public struct ObjectFailure: Sendable, Hashable {
    public enum NextTry: Sendable, Hashable {
        /// After a backoff of this length at the most; sooner where the object, the plan or the data plane changes.
        case within(Duration)
        /// It can't go well before something else is written in the templates or values.
        case whenPlanChanges
        /// Nothing is tried: what an object shows was compared.
        case notInObserve
    }
    public var entry: FailureEntry
    public var nextTry: NextTry

    public init(_ entry: FailureEntry, nextTry: NextTry) {
        self.entry = entry
        self.nextTry = nextTry
    }

    /// What the DataPlane's status shows. Labels and assignments show the entry alone: a backoff that grows is no reason
    /// to write thousands of statuses.
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
