import ControlLoop
import Kube
import Logging
import Support

/// What all sessions of one operator share, and how they report changes.
struct SessionContext: Sendable {
    struct Settings: Sendable {
        var workersPerDataPlane = 32
        /// More workers for fresh keys, so that a first list's keys that wait for the rate limit don't block them.
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
    /// Whether this replica still leads. It is asked before each write.
    var mayWrite: @Sendable () -> Bool
    /// What changed in a session.
    enum Change: Sendable, Hashable {
        /// The session's facts.
        case facts
        /// The progress of a namespace. `isBusy`: many more wait.
        case namespace(String, isBusy: Bool)
    }
    var changed: @Sendable (_ dataPlane: String, Change) -> Void
    /// Called when a probe has found out which cluster this is.
    var identified: @Sendable (_ session: DataPlaneSession, _ uid: String) -> Void = { _, _ in }
    /// Called when the server has refused the token, so that the credentials are read again.
    var credentialsRejected: @Sendable (_ dataPlane: String) -> Void
}
