/// How a watcher behaves. The defaults suit a Kubernetes API server.
public struct WatcherConfiguration: Sendable, Hashable {
    /// The wait between attempts that fail in a row. A longer `Retry-After` is honoured, up to `longestRetryAfter`.
    public var backoff: BackoffPolicy
    public var longestRetryAfter: Duration
    /// How often the server sends a bookmark on a quiet watch; Kubernetes does about once a minute.
    public var bookmarkInterval: Duration
    /// See `idleLimit`.
    public var idleSlack: Duration
    /// A page that takes longer fails. This is a fuse. The client's own limits should be shorter, even if they are set
    /// to many minutes and a page waits for the rate limit first.
    public var pageTimeout: Duration
    /// A watch that ends in good order sooner than this, without any change, counts as a failure. Otherwise a server
    /// that closes every watch at once would be asked without pause.
    public var shortestWatch: Duration
    /// A watch that is cut after being idle for this long goes on from its version, since proxies cut idle connections.
    /// A watch that is cut sooner may have lost its server, which may be restored from a backup meanwhile. So a list
    /// follows.
    public var shortestIdleness: Duration
    /// A list of more objects, or of more pages, fails, so that an endless list can't fill the memory.
    public var maximumObjects: Int
    public var maximumPages: Int
    public var listGuard: ListGuard

    public init(
        backoff: BackoffPolicy = BackoffPolicy(base: .milliseconds(800), cap: .seconds(30)),
        longestRetryAfter: Duration = .seconds(120), bookmarkInterval: Duration = .seconds(60),
        idleSlack: Duration = .seconds(15), pageTimeout: Duration = .seconds(900),
        shortestWatch: Duration = .seconds(1), shortestIdleness: Duration = .seconds(10), maximumObjects: Int = 500_000,
        maximumPages: Int = 10_000,
        listGuard: ListGuard = ListGuard()
    ) {
        self.backoff = backoff
        self.longestRetryAfter = longestRetryAfter
        self.bookmarkInterval = bookmarkInterval
        self.idleSlack = idleSlack
        self.pageTimeout = pageTimeout
        self.shortestWatch = shortestWatch
        self.shortestIdleness = shortestIdleness
        self.maximumObjects = maximumObjects
        self.maximumPages = maximumPages
        self.listGuard = listGuard
    }

    /// A watch that is silent for longer (no event, no bookmark) is replaced, since a half-open connection looks like a
    /// quiet one. Two bookmarks may be missed.
    public var idleLimit: Duration { bookmarkInterval * 2 + idleSlack }
}
