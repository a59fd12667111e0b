/// The changes of flyteadmin's rows. No two steps concern the same row, so their order does not matter.
public struct PublicationPlan: Sendable, Hashable {
    public enum Step: Sendable, Hashable {
        case put(AdminRow)
        /// Deletes a row, and then writes the rows that were deleted with it and should exist.
        case delete(AdminRowKey, thenPut: [AdminRow])
    }

    public var steps: [Step] = []
    /// The notes to write before the first step.
    public var noted: PublishedRows
    /// Wanted rows that exist as they should.
    public var settled: Set<AdminRowKey> = []
    /// Wanted rows that must wait until flyteadmin runs with their label, since it would otherwise send their
    /// executions anywhere.
    public var waiting: Set<AdminRowKey> = []

    /// - Parameters:
    ///   - present: flyteadmin's rows, read just now.
    ///   - published: our notes about this flyteadmin.
    ///   - running: the labels that flyteadmin runs with. Nil if nobody can tell.
    ///   - mayDelete: false while the deletions are in doubt (`DeletionStop`).
    public init(
        _ claims: RowClaims, present: AdminRows, published: PublishedRows, running: Set<String>? = nil,
        mayDelete: Bool
    ) {
        noted = published
        if let running {
            for (key, claim) in claims.wanted where !running.contains(claim.value) && present.values[key] != claim.value
            {
                waiting.insert(key)
            }
        }
        let doomed = takeStock(claims, present, mayDelete && claims.unreadable.isEmpty)
        // Rows that are deleted along with a less specific row have no step of their own.
        let deleted = doomed.filter { doomed.isDisjoint(with: $0.above) }
        let wide = deleted.filter(\.isWide)
        for key in wide.sorted() { planWideDelete(key, doomed, claims, present) }
        for key in deleted.sorted() where !key.isWide { steps.append(.delete(key, thenPut: [])) }
        for (key, claim) in claims.wanted.sorted(by: { $0.key < $1.key })
        where present.values[key] != claim.value && !waiting.contains(key) {
            noted.rows.insert(AdminRow(key, claim.value))
            if wide.isDisjoint(with: key.above) { steps.append(.put(AdminRow(key, claim.value))) }
        }
        for row in noted.restoring.sorted() where wide.isDisjoint(with: row.key.above) { steps.append(.put(row)) }
    }

    /// Updates the notes from the present rows. Returns the rows to delete.
    private mutating func takeStock(
        _ claims: RowClaims, _ present: AdminRows, _ mayDelete: Bool
    ) -> Set<AdminRowKey> {
        let found = claims.wanted.filter { present.values[$0.key] == $0.value.value }
        settled.formUnion(found.keys)
        // Also if somebody else had set the same value before, since an object declares it now.
        noted.confirm(found.map { AdminRow($0.key, $0.value.value) })
        // A row is no longer restored if it is back, if somebody has set it again, or if an object wants it.
        noted.restoring = noted.restoring.filter { claims.wanted[$0.key] == nil && present.values[$0.key] == nil }
        var doomed: Set<AdminRowKey> = []
        for key in Self.gone(claims, noted) {
            guard let value = present.values[key], noted.rows.contains(AdminRow(key, value)) else {
                noted.forget(key)  // gone already, or somebody has set it since: theirs
                continue
            }
            // Postponed if deletions are held, or if the delete would remove a row that can't be put back.
            if mayDelete && !present.withLaunchPlans.contains(key) { doomed.insert(key) }
        }
        return doomed
    }

    /// Noted rows that no object wants any more.
    public static func gone(_ claims: RowClaims, _ published: PublishedRows) -> Set<AdminRowKey> {
        Set(published.rows.map(\.key)).filter { claims.wanted[$0] == nil && !claims.kept.contains($0) }
    }

    /// Puts back the rows below `key` that should exist: as the objects want them, or else as they were.
    private mutating func planWideDelete(
        _ key: AdminRowKey, _ doomed: Set<AdminRowKey>, _ claims: RowClaims, _ present: AdminRows
    ) {
        var back: [AdminRowKey: String] = [:]
        for (below, value) in present.values
        where key.takesAlong(below) && !doomed.contains(below)
            && (claims.wanted[below] == nil || waiting.contains(below))
        {
            back[below] = value
            // A row that waits for another value is already ours or an object's.
            if claims.wanted[below] == nil { noted.restoring.insert(AdminRow(below, value)) }
        }
        for row in noted.restoring where key.takesAlong(row.key) { back[row.key] = row.value }
        for (below, claim) in claims.wanted where key.takesAlong(below) && !waiting.contains(below) {
            back[below] = claim.value
        }
        steps.append(.delete(key, thenPut: back.sorted { $0.key < $1.key }.map { AdminRow($0.key, $0.value) }))
    }
}
