extension StagedRollout.Record {
    /// The usable part of a stored state that somebody may have edited by hand. References to revisions that don't
    /// exist are dropped, so that no data plane waits for one for ever.
    ///
    /// - Parameters:
    ///   - known: the existing revisions.
    ///   - newest: the revision that is rolled out.
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

    /// Replaces a stored state that can't be read, using the statuses of the DataPlanes. Without it the newest revision
    /// would go to all of them at once.
    ///
    /// - Parameter applied: the `status.appliedRevision` of each DataPlane.
    public init(applied: [String: Int64], known: Set<Int64>, newest: Int64) {
        self.init()
        assigned = applied.filter { known.contains($0.value) }
        updated = Set(assigned.filter { $0.value == newest }.keys)
        // A new data plane gets a revision that all others have already passed.
        complete = assigned.values.min() ?? known.subtracting([newest]).max() ?? newest
    }

    /// Keeps what failed before these turns. They end without a finding.
    mutating func cutOff(_ turns: [String: Set<String>]) {
        if !turns.isEmpty { cutOff = (cutOff ?? [:]).merging(turns) { before, _ in before } }
    }

    /// Forgets what failed before a turn in data planes that are gone, and in those that were brought back to a revision
    /// without the change: what fails there now is not of the change.
    mutating func forgetCutOff(_ members: [String: StagedRollout.Member], newest: Int64) {
        guard let turns = cutOff else { return }
        let kept = turns.filter { name, _ in
            guard let member = members[name] else { return false }
            guard let present = assigned[name], present == pinned ?? complete, present != newest else { return true }
            return member.isPending || member.isBehind
        }
        cutOff = kept.isEmpty ? nil : kept
    }
}

extension StagedRollout.Member {
    /// Notes that an object can't be written there. A slow network or server is not a failure of the change, since the
    /// write may soon succeed. But what the data plane refuses, or changes by a webhook, is one.
    public mutating func fails(_ entry: FailureEntry) {
        if ReachableReason(rawValue: entry.reason) != nil {
            isPending = true
        } else {
            let object = entry.object.isEmpty ? "" : " " + entry.object
            failures.insert("\(entry.namespace)\(object): \(entry.reason)")
        }
    }
}
