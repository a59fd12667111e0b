import ControlLoop
import Kube
import Logging
import Support

/// What all agents of one operator share, and how they report changes.
package struct AgentContext: Sendable {
    package struct Settings: Sendable {
        package var workersPerDataPlane = 32
        /// More workers for fresh keys, so that a first list's keys that wait for the rate limit don't block them.
        package var workersForFresh = 8
        package var breaker = CircuitBreaker.Configuration(failuresToOpen: 2, successesToClose: 1)
        package var watcher = WatcherConfiguration()
        package var budget = Budget()
    }
    package var settings = Settings()
    /// How many namespaces are in work at a time, over all data planes. Some fifty data planes get all that they can
    /// use. With more, each gets a part.
    package var share = WorkShare(whole: 2_048, least: 4)
    package var timeline = Timeline.continuous
    package var wallClock = WallClock.system
    package var logger: Logger
    package var connect: @Sendable (LinkConfiguration) -> Link
    package var metrics: any AgentMetrics = NothingCounted()
    /// Whether this replica still leads. It is asked before each write.
    package var mayWrite: @Sendable () -> Bool
    /// What changed in an agent.
    package enum Change: Sendable, Hashable {
        /// The agent's facts.
        case facts
        /// The progress of a namespace. `isBusy`: many more wait.
        case namespace(String, isBusy: Bool)
    }
    package var changed: @Sendable (_ dataPlane: String, Change) -> Void
    /// Called when a probe has found out which cluster this is.
    package var identified: @Sendable (_ agent: Agent, _ uid: String) -> Void = { _, _ in }
    /// Called when the server has refused the token, so that the credentials are read again.
    package var credentialsRejected: @Sendable (_ dataPlane: String) -> Void

    package init(
        logger: Logger, connect: @escaping @Sendable (LinkConfiguration) -> Link,
        mayWrite: @escaping @Sendable () -> Bool,
        changed: @escaping @Sendable (_ dataPlane: String, Change) -> Void,
        credentialsRejected: @escaping @Sendable (_ dataPlane: String) -> Void
    ) {
        self.logger = logger
        self.connect = connect
        self.mayWrite = mayWrite
        self.changed = changed
        self.credentialsRejected = credentialsRejected
    }
}
