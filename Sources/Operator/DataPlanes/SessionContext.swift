import ControlLoop
import Kube
import Logging
import Support

/// What the sessions of one operator share, and how they tell what has changed.
struct SessionContext: Sendable {
    struct Settings: Sendable {
        var workersPerDataPlane = 32
        /// Beside those, for what is fresh: work of a first list that waits for the rate limit must not be in its way.
        var workersForFresh = 8
        var breaker = CircuitBreaker.Configuration(failuresToOpen: 2, successesToClose: 1)
        var watcher = WatcherConfiguration()
        var budget = Budget()
    }
    var settings = Settings()
    var timeline = Timeline.continuous
    var wallClock = WallClock.system
    var logger: Logger
    var connect: @Sendable (LinkConfiguration) -> Link
    var metrics = Metrics()
    /// Whether this replica still leads; asked before each write.
    var mayWrite: @Sendable () -> Bool
    /// What a session tells of itself.
    enum Change: Sendable, Hashable {
        /// What it has found out.
        case facts
        /// The state of a namespace. `isBusy`: many more wait.
        case namespace(String, isBusy: Bool)
    }
    var changed: @Sendable (_ dataPlane: String, Change) -> Void
    /// A probe has found out which cluster this is.
    var identified: @Sendable (_ session: DataPlaneSession, _ uid: String) -> Void = { _, _ in }
    /// The server refused the token: read the credentials anew.
    var credentialsRejected: @Sendable (_ dataPlane: String) -> Void
}
