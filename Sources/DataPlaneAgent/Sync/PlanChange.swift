import Fleet

/// What an agent has to do when one plan follows another, as a value.
struct PlanChange: Sendable {
    /// The wanted namespaces.
    let wanted: Set<String>
    /// Those of them to look at again.
    let changed: Set<String>
    /// The kinds to watch are others.
    let changesTypes: Bool
    /// The watches show other objects, so that all earlier comparisons are dropped.
    let changesMode: Bool
    let needsOtherPermissions: Bool
    /// A template has a kind of which it is not known whether the data plane serves it.
    let asksForKinds: Bool
    /// When the change was seen. Nil if the data plane itself caused it (a kind that it now serves): then it is not as
    /// old as the plan.
    let seenAt: Duration?

    init(from old: DataPlanePlan, to new: DataPlanePlan) {
        wanted = Set(new.namespaces.keys)
        changed = new.pruning != old.pruning && new.pruning != nil ? wanted : new.changes(since: old)
        changesTypes = new.types != old.types
        changesMode = new.isObserving != old.isObserving
        needsOtherPermissions = new.permissions != old.permissions
        asksForKinds = !new.unknownKinds.isSubset(of: old.unknownKinds)
        seenAt = new.version.plan != old.version.plan ? new.changedAt : nil
    }

    /// A change of every namespace goes into the background, so that a new project need not wait for it.
    var isForBackground: Bool { changed.count == wanted.count && changed.count > Self.manyNamespaces }
    static let manyNamespaces = 64
}

extension DataPlanePlan {
    /// Whether it takes the place of that one. A plan that was made before the one in force changes nothing.
    func replaces(_ old: DataPlanePlan) -> Bool { version != old.version && version.plan >= old.version.plan }
}
