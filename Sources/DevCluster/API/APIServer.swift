import JSON
import Support

/// The API of one cluster: takes requests whose sender is known and allowed, and answers as kube-apiserver does.
public final class APIServer: Sendable {
    public struct Configuration: Sendable {
        /// Between two bookmarks of a watch that asked for them.
        public var bookmarkInterval: Duration = .seconds(60)
        /// How long a watch without `timeoutSeconds` lasts: 1 to 2 times this, as in kube-apiserver.
        public var minimumWatchTimeout: Duration = .seconds(1800)
        /// How long a deleted namespace stays Terminating before its content goes. Nil holds it until changed.
        public var namespaceTerminationDelay: Duration? = .zero
        public init() {}
    }
    public let store: ObjectStore

    public init(
        store: ObjectStore, virtual: (any VirtualResources)? = nil, clock: WallClock = .system,
        timer: any Clock<Duration> = ContinuousClock(), configuration: Configuration = Configuration()
    ) {
        self.store = store
    }

    public func respond(to request: APIRequest, user: User) async -> APIResponse {
        APIError(code: 503, reason: "ServiceUnavailable", message: "not built yet").response
    }

    /// The system's own work: ends what was deleted (namespaces with their content). Runs until its task is cancelled;
    /// whoever serves the API runs it beside.
    public func run() async {}
}
