/// The last results of controllers, for other controllers to read. The writer of a report then calls the router.
struct Reports: Sendable {
    /// What is published for flyteadmin, and its restart.
    let publishing: PublishingBoard
    /// The rows and projects in flyteadmin.
    let publications: PublicationBoard
    /// The staged rollout.
    let rollout: RolloutKeeper
}
