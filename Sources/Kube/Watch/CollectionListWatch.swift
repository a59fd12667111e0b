import HTTP
import KubeObjects
import Support

/// Lists and watches one collection at one API server.
public struct CollectionListWatch<Object: KubeObject>: ListWatch {
    public let client: KubeClient
    public let collection: KubeCollection
    public let settings: WatchSettings

    /// The first page is a consistent read of the most recent state, since no `resourceVersion` is sent.
    /// `resourceVersion=0` would be cheaper for the server, but may go back in time: after a restart, one of several
    /// API servers can answer with less than was seen before.
    public func list(continueToken: String?) async throws(KubeError) -> ListPage<Object> {
        try await client.list(
            Object.self, of: collection, limit: settings.pageSize, continueToken: continueToken,
            isRateLimited: settings.isRateLimited)
    }

    /// Opens a watch with bookmarks (Kubernetes API concepts, "Efficient detection of changes"). It returns when the server
    /// has accepted the watch.
    public func watch(from resourceVersion: String) async throws(KubeError) -> WatchStream<Object> {
        let request = watchRequest(from: resourceVersion)
        let (stream, token) = try await client.open(request)
        let limits = client.options.limits
        let source = WatchSource<Object>(
            stream.body, operation: request.operation,
            maximumLine: collection.metadataOnly ? limits.metadataEvent : limits.event, limits: limits,
            wipes: request.answersWithSecrets, token: token, meter: client.options.meter)
        return WatchStream { () async throws(KubeError) in try await source.next() }
    }

    func watchRequest(from resourceVersion: String) -> KubeRequest {
        var request = collection.request("watch")
        request.isRateLimited = settings.isRateLimited
        request.accept = collection.metadataOnly ? Accept.partialObject : Accept.json
        request.add("watch", "true")
        request.add("allowWatchBookmarks", "true")
        request.add("resourceVersion", resourceVersion)
        request.add("timeoutSeconds", String(Int.random(in: settings.timeoutSeconds)))
        var timeouts = client.options.timeouts
        timeouts.total = nil
        timeouts.idle = settings.idleTimeout
        request.timeouts = timeouts
        return request
    }
}

/// How a collection is listed and watched.
public struct WatchSettings: Sendable, Hashable {
    /// Objects a page. This bounds the memory of one answer on both sides.
    public var pageSize: Int
    /// How long the server keeps a watch. It is drawn again each time, so that the watches of a fleet don't all end at
    /// once. The values are client-go's.
    public var timeoutSeconds: ClosedRange<Int>
    /// A watch that is silent for longer is broken, since servers send a bookmark about every minute.
    public var idleTimeout: Duration
    /// Whether the pages of a list, and the start of a watch, wait for the client's rate limit.
    public var isRateLimited: Bool

    public init(
        pageSize: Int = 500, timeoutSeconds: ClosedRange<Int> = 300...600, idleTimeout: Duration = .seconds(150),
        isRateLimited: Bool = true
    ) {
        self.pageSize = pageSize
        self.timeoutSeconds = timeoutSeconds
        self.idleTimeout = idleTimeout
        self.isRateLimited = isRateLimited
    }
}

extension KubeClient {
    /// Lists and watches objects of a kind known at compile time.
    public func listWatch<Object: KubeResource>(
        _ type: Object.Type, namespace: String? = nil, labelSelector: String? = nil, fieldSelector: String? = nil,
        settings: WatchSettings = WatchSettings()
    ) -> CollectionListWatch<Object> {
        listWatch(
            type,
            of: KubeCollection(
                type.resourceType, namespace: namespace, labelSelector: labelSelector, fieldSelector: fieldSelector),
            settings: settings)
    }

    /// Lists and watches objects of any kind: as `PartialObject` with `metadataOnly`, as `DynamicObject`, or as a type
    /// of the caller that keeps only what it needs of each object.
    public func listWatch<Object: KubeObject>(
        _ type: Object.Type, of collection: KubeCollection, settings: WatchSettings = WatchSettings()
    ) -> CollectionListWatch<Object> {
        CollectionListWatch(client: self, collection: collection, settings: settings)
    }
}

/// The body of one watch, and its decoder. It is an actor because the two change together. It has one reader.
actor WatchSource<Object: KubeObject> {
    private let body: HTTPBody
    private let operation: String
    private var decoder: WatchDecoder<Object>
    private var isFinished = false

    private let meter: ServerMeter?

    init(
        _ body: HTTPBody, operation: String, maximumLine: Int, limits: AnswerLimits = AnswerLimits(),
        wipes: Bool = false, token: Sensitive? = nil, meter: ServerMeter? = nil
    ) {
        self.body = body
        self.operation = operation
        self.meter = meter
        decoder = WatchDecoder(
            operation: operation, maximumLine: maximumLine, limits: limits, wipes: wipes, token: token)
    }

    /// The next event. Nil when the server has ended the watch in good order, and after a failure.
    func next() async throws(KubeError) -> WatchEvent<Object>? {
        guard !isFinished else { return nil }
        do {
            while true {
                let event = try decoder.next()
                for bytes in decoder.takeSkipped() { try await meter?.admit(bytes: bytes) }
                if let event {
                    try await meter?.admit(bytes: decoder.lastBytes)
                    return event
                }
                // The body keeps its own position, so each iterator continues where the last one stopped.
                var pieces = body.makeAsyncIterator()
                guard let piece = try await pieces.next(isolation: self) else {
                    isFinished = true
                    return try decoder.finish()
                }
                decoder.feed(piece)
            }
        } catch {
            isFinished = true
            if let error = error as? HTTPError { throw KubeError(operation: operation, cause: .transport(error)) }
            if error is CancellationError {
                let reason = HTTPError(.cancelled, "the watch was cancelled", mayHaveBeenProcessed: true)
                throw KubeError(operation: operation, cause: .transport(reason))
            }
            throw error as? KubeError ?? KubeError(operation: operation, cause: .unexpectedAnswer("\(error)"))
        }
    }
}
