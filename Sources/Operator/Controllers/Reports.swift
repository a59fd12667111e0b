/// What controllers have last found out, for other controllers to read. The writer of a report then tells the router.
struct Reports: Sendable {
    /// Of what goes out to flyteadmin.
    let publishing: PublishingBoard
    /// Of rows and projects in flyteadmin.
    let publications: PublicationBoard
    /// Of a staged rollout.
    let rollout: RolloutKeeper
}
