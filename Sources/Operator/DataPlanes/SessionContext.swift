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
    }
    var settings = Settings()
    var timeline = Timeline.continuous
    var wallClock = WallClock.system
    var logger: Logger
    /// Marks the namespaces that this registry has made: the UID of its own Namespace; nil where it may not be read.
    var registryUID: String?
    var connect: @Sendable (LinkConfiguration) -> Link
    var metrics = Metrics()
    /// Whether this replica still leads; asked before each write.
    var mayWrite: @Sendable () -> Bool
    /// A session's facts (namespace nil) or the state of one of its namespaces are others now.
    var changed: @Sendable (_ dataPlane: String, _ namespace: String?) -> Void
    /// A probe has found out which cluster this is.
    var identified: @Sendable (_ session: DataPlaneSession, _ uid: String) -> Void = { _, _ in }
    /// The server refused the token: read the credentials anew.
    var credentialsRejected: @Sendable (_ dataPlane: String) -> Void
}
