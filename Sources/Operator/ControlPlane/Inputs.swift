import Fleet

/// What every controller reads: the informers of the control plane, and the plan that follows from them.
struct Inputs: Sendable {
    let caches: Caches
    let plans: PlanKeeper

    /// Nil before the caches are complete.
    var plan: PlanInForce? { plans.inForce }
}
