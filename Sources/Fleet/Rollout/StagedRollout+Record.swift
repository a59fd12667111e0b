extension StagedRollout.Record {
    /// What is left of a stored state that somebody may have edited by hand. What it says of revisions that there are not
    /// counts as not said, so that no data plane waits for one of those for ever.
    ///
    /// - Parameters:
    ///   - known: the revisions that there are.
    ///   - newest: the one that is rolled out.
    public func mended(known: Set<Int64>, newest: Int64) -> StagedRollout.Record {
        var record = self
        record.assigned = assigned.filter { known.contains($0.value) }
        record.updated = updated.filter { record.assigned[$0] == newest }
        record.current = current.filter { record.assigned[$0.key] == newest }
        record.complete = complete.flatMap { known.contains($0) ? $0 : nil }
        record.completeBefore = completeBefore.flatMap { known.contains($0) ? $0 : nil }
        record.pinned = pinned.flatMap { known.contains($0) ? $0 : nil }
        record.tolerated = max(0, tolerated)
        return record
    }

    /// Where the stored state can't be read: what the statuses of the DataPlanes say. Without it the newest revision would go
    /// to all of them at once.
    ///
    /// - Parameter applied: by DataPlane, its `status.appliedRevision`.
    public init(applied: [String: Int64], known: Set<Int64>, newest: Int64) {
        self.init()
        assigned = applied.filter { known.contains($0.value) }
        updated = Set(assigned.filter { $0.value == newest }.keys)
        // What a new data plane gets: nothing that others have not been through.
        complete = assigned.values.min() ?? known.subtracting([newest]).max() ?? newest
    }
}

extension StagedRollout.Member {
    /// Something can't be written there. A slow network or server is not a failure of the change: the write may succeed in a
    /// moment. What the data plane refuses, or changes by a webhook, is one.
    public mutating func fails(_ entry: FailureEntry) {
        if ReachableReason(rawValue: entry.reason) != nil {
            isPending = true
        } else {
            let object = entry.object.isEmpty ? "" : " " + entry.object
            failures.insert("\(entry.namespace)\(object): \(entry.reason)")
        }
    }
}
