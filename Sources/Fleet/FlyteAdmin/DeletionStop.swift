/// Prevents deletions of rows when objects are merely not visible.
///
/// If this process has seen a few objects and they are gone now, they were deleted: their rows are deleted at once. Two
/// cases are in doubt:
/// - many at once: more than ten, and more than half of the rows;
/// - two or more that were already gone when this process started, while there is no object at all. The control plane
///   may have been set up again or restored from a backup, its CRDs deleted, or the list cut off.
///
/// Time settles a doubt: the same must be found `confirmations` more times, each a poll interval apart.
public struct DeletionStop: Sendable, Hashable {
    public enum Decision: Sendable, Hashable {
        case allowed
        /// The text for people says why.
        case held(String)
    }

    static let few = 10
    static let confirmations = 2

    private var witnessed: Set<AdminRowKey> = []
    private var findings = 0

    private let rows: String
    private let kind: String

    /// - Parameters:
    ///   - rows: what the rows are, for people.
    ///   - kind: the kind of the objects behind them.
    public init(of rows: String = "labels", by kind: String = "ExecutionClusterLabel") {
        self.rows = rows
        self.kind = kind
    }

    /// - Parameter isPoll: whether this is a regular poll. A look after a change confirms nothing.
    public mutating func judge(_ claims: RowClaims, _ published: PublishedRows, isPoll: Bool) -> Decision {
        let gone = PublicationPlan.gone(claims, published)
        let total = Set(published.rows.map(\.key)).count
        let isMany = gone.count > Self.few && gone.count * 2 > total
        let nobodyThere = claims.wanted.isEmpty && claims.kept.isEmpty
        let unseen = gone.subtracting(witnessed).count
        witnessed.formUnion(claims.wanted.keys)
        witnessed.formIntersection(Set(claims.wanted.keys).union(published.rows.map(\.key)))
        guard isMany || (nobodyThere && unseen >= 2) else {
            findings = 0
            return .allowed
        }
        if isPoll { findings += 1 }
        if findings > Self.confirmations { return .allowed }
        return .held(
            "\(gone.count) of \(total) \(rows) in flyteadmin no longer have a \(kind): they are deleted "
                + "when this is still so in \(Self.confirmations + 1 - findings) more polls")
    }
}
