import Fleet

/// What every controller reads: the informers of the control plane, and the plan that follows from them.
struct Inputs: Sendable {
    let informers: Informers
    let plans: PlanUpdater

    /// Nil before the informers are complete.
    var plan: PlanInForce? { plans.inForce }
}
