import Fleet

/// What an agent has to do when one plan follows another, as a value.
struct PlanChange: Sendable {
    /// The namespaces that are not wanted any more.
    let gone: Set<String>
    /// The wanted namespaces to look at again, all new ones among them.
    let changed: Set<String>
    /// A change of every namespace goes into the background, so that a new project need not wait for it.
    let isForBackground: Bool
    /// The kinds to watch are others.
    let changesTypes: Bool
    /// The watches show other objects, so that all earlier comparisons are dropped.
    let changesMode: Bool
    /// The registry has another identity, or takes over from others. So the owners of all Namespaces are judged again.
    let changesIdentity: Bool
    let needsOtherPermissions: Bool
    /// A template has a kind of which it is not known whether the data plane serves it.
    let asksForKinds: Bool
    /// When the change was seen. Nil if the data plane itself caused it (a kind that it now serves): then it is not as
    /// old as the plan.
    let seenAt: Duration?

    init(from old: DataPlanePlan, to new: DataPlanePlan) {
        let candidates = new.mayDiffer(from: old)
        gone = candidates.filter { new.namespaces[$0] == nil && old.namespaces[$0] != nil }
        changed =
            new.isCommonChange(from: old)
            ? Set(new.namespaces.keys)
            : candidates.filter { new.namespaces[$0] != nil && new.namespaces[$0] != old.namespaces[$0] }
        isForBackground = changed.count == new.namespaces.count && changed.count > Self.manyNamespaces
        changesTypes = new.types != old.types
        changesMode = new.isObserving != old.isObserving
        changesIdentity = new.identity != old.identity
        needsOtherPermissions = new.permissions != old.permissions
        asksForKinds = !new.unknownKinds.isSubset(of: old.unknownKinds)
        seenAt = new.version.plan != old.version.plan ? new.changedAt : nil
    }

    static let manyNamespaces = 64
}

extension DataPlanePlan {
    /// Whether it takes the place of that one. A plan that was made before the one in force changes nothing.
    func replaces(_ old: DataPlanePlan) -> Bool { version != old.version && version.plan >= old.version.plan }

    /// Whether it changes every namespace.
    fileprivate func isCommonChange(from old: DataPlanePlan) -> Bool {
        isObserving != old.isObserving || common != old.common || forcesConflicts != old.forcesConflicts
            || adoption != old.adoption || (pruning != old.pruning && pruning != nil)
    }

    /// The namespaces whose numbers may differ: those that the change touched, if this plan follows that one directly.
    fileprivate func mayDiffer(from old: DataPlanePlan) -> Set<String> {
        if let touched, touched.since == old.version.plan { return touched.namespaces }
        return Set(namespaces.keys).union(old.namespaces.keys)
    }
}
