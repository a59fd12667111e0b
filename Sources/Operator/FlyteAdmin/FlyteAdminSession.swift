import ControlLoop
import Fleet
import FlyteAdmin
import Support

/// What belongs to one connection to flyteadmin.
struct FlyteAdminSession {
    let connection: FlyteAdminConnection
    let client: FlyteAdminClient
    var publisher: RowPublisher
    var projects: ProjectPublisher
    var schedule: PollSchedule
    var random = SeededRandom()
    /// The claims of the last complete pass.
    var claims: RowClaims?
    var running: PublishingMemory.RunningLabels?
    var failure: Publication?
    var held: String?
    var heldAttributes: String?

    /// - Parameter mayWrite: asked right before each write.
    init(
        _ context: FlyteAdminLoop.Context, _ connection: FlyteAdminConnection, _ interval: Duration,
        mayWrite: @escaping @Sendable () -> Bool, gate: WriteGate
    ) {
        self.connection = connection
        client = context.client(connection)
        publisher = RowPublisher(
            client: client, store: context.store, endpoint: connection.endpoint, mayWrite: mayWrite, gate: gate,
            logger: context.logger)
        projects = ProjectPublisher(
            client: client, notes: (context.writer.client, context.writer.namespace), endpoint: connection.endpoint,
            mayWrite: mayWrite, gate: gate, logger: context.logger)
        schedule = PollSchedule(interval: interval)
    }
}
