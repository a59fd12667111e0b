/// Keeps rows from being deleted because objects merely can't be seen.
///
/// A few objects that this process has seen and that are gone now have been deleted: their rows go at once. In doubt are
/// - many at once (more than ten, and more than half of the rows), and
/// - two and more that were gone when this process started, while no object is there at all: a control plane that was
///   set up anew or restored from a backup, CRDs that were deleted, a list that was cut off.
///
/// A doubt is settled by time: the same must be found `confirmations` times more, an interval of the poll apart each.
public struct DeletionStop: Sendable, Hashable {
    public enum Verdict: Sendable, Hashable {
        case allowed
        /// Why, for people.
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
    ///   - kind: the kind of the objects that they are from.
    public init(of rows: String = "labels", by kind: String = "ExecutionClusterLabel") {
        self.rows = rows
        self.kind = kind
    }

    /// - Parameter isPoll: a regular look; those in between that a change brought about confirm nothing.
    public mutating func judge(_ claims: LabelClaims, _ published: PublishedLabels, isPoll: Bool) -> Verdict {
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
            "\(gone.count) of \(total) \(rows) in flyteadmin have no \(kind) any more: they are deleted "
                + "when this is still so in \(Self.confirmations + 1 - findings) more polls")
    }
}
