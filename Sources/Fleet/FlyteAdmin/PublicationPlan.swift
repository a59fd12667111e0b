/// What to do to flyteadmin's rows. No two steps concern the same row, so that their order does not matter.
public struct PublicationPlan: Sendable, Hashable {
    public enum Step: Sendable, Hashable {
        case put(AdminRow)
        /// Deletes a row and then writes the ones that went with it and should be there.
        case delete(AdminRowKey, thenPut: [AdminRow])
    }

    public var steps: [Step] = []
    /// What must be noted before the first step.
    public var noted: PublishedLabels
    /// Wanted rows that are there as they should be.
    public var settled: Set<AdminRowKey> = []
    /// Wanted rows that are not written before flyteadmin runs with their label: it would send their executions anywhere.
    public var waiting: Set<AdminRowKey> = []

    /// - Parameters:
    ///   - present: what flyteadmin has, read just now.
    ///   - published: our notes about this flyteadmin.
    ///   - running: the labels that flyteadmin runs with; nil where nobody can tell.
    ///   - mayDelete: false while the deletions are doubtful (`DeletionStop`).
    public init(
        _ claims: LabelClaims, present: AdminRows, published: PublishedLabels, running: Set<String>? = nil,
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
        // What goes along with a less specific row has no step of its own.
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

    /// Brings the notes up to what is there. Returns the rows to be deleted.
    private mutating func takeStock(
        _ claims: LabelClaims, _ present: AdminRows, _ mayDelete: Bool
    ) -> Set<AdminRowKey> {
        for (key, claim) in claims.wanted where present.values[key] == claim.value {
            // Also one that somebody else had set to the same before: an object declares it now.
            noted.confirm(AdminRow(key, claim.value))
            settled.insert(key)
        }
        // Back already, or somebody has set it anew, or an object wants it: then that counts.
        noted.restoring = noted.restoring.filter { claims.wanted[$0.key] == nil && present.values[$0.key] == nil }
        var doomed: Set<AdminRowKey> = []
        for key in Self.gone(claims, noted) {
            guard let value = present.values[key], noted.rows.contains(AdminRow(key, value)) else {
                noted.forget(key)  // gone already, or somebody has set it since: theirs
                continue
            }
            // Postponed where it is held, or would take something along that can't be put back.
            if mayDelete && !present.withLaunchPlans.contains(key) { doomed.insert(key) }
        }
        return doomed
    }

    /// Noted rows that no object stands for any more.
    public static func gone(_ claims: LabelClaims, _ published: PublishedLabels) -> Set<AdminRowKey> {
        Set(published.rows.map(\.key)).filter { claims.wanted[$0] == nil && !claims.kept.contains($0) }
    }

    /// What is below `key` and should be there goes back: what objects want, as they want it; everything else as it was.
    private mutating func planWideDelete(
        _ key: AdminRowKey, _ doomed: Set<AdminRowKey>, _ claims: LabelClaims, _ present: AdminRows
    ) {
        var back: [AdminRowKey: String] = [:]
        for (below, value) in present.values
        where key.takesAlong(below) && !doomed.contains(below)
            && (claims.wanted[below] == nil || waiting.contains(below))
        {
            back[below] = value
            // What waits for another value is ours already, or an object's.
            if claims.wanted[below] == nil { noted.restoring.insert(AdminRow(below, value)) }
        }
        for row in noted.restoring where key.takesAlong(row.key) { back[row.key] = row.value }
        for (below, claim) in claims.wanted where key.takesAlong(below) && !waiting.contains(below) {
            back[below] = claim.value
        }
        steps.append(.delete(key, thenPut: back.sorted { $0.key < $1.key }.map { AdminRow($0.key, $0.value) }))
    }
}
