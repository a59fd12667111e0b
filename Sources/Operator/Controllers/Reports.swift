/// The last results of controllers, for other controllers to read. The writer of a report then calls the router.
struct Reports: Sendable {
    /// What is published for flyteadmin, and its restart.
    let publishing: PublishingMemory
    /// The rows and projects in flyteadmin.
    let flyteAdmin: FlyteAdminReports
    /// The staged rollout.
    let rollout: StoredRollout
}
