import KubeObjects

/// One page of a list.
public struct ListPage<Object: KubeObject>: Sendable {
    public var items: [Decoded<Object>]
    /// The version of the whole list, the same on every page.
    public var resourceVersion: String
    /// Nil on the last page.
    public var continueToken: String?

    public init(items: [Decoded<Object>], resourceVersion: String, continueToken: String? = nil) {
        self.items = items
        self.resourceVersion = resourceVersion
        self.continueToken = continueToken
    }
}

/// A change that a watch reports (Kubernetes API concepts, "Efficient detection of changes"). Each has a resourceVersion
/// from which another watch can go on.
public enum WatchEvent<Object: KubeObject>: Sendable {
    /// ADDED or MODIFIED.
    case applied(Decoded<Object>)
    /// DELETED: the object's last state, with the resourceVersion of its deletion.
    case deleted(Decoded<Object>)
    case bookmark(resourceVersion: String)
}

/// The events of one watch, for one reader. It ends with nil when the server closes the watch in good order. An ERROR
/// event (410 is one) is thrown as a `KubeError` with that status.
public struct WatchStream<Object: KubeObject>: AsyncSequence, Sendable {
    public typealias Element = WatchEvent<Object>
    public typealias Failure = KubeError
    private let read: @Sendable () async throws(KubeError) -> WatchEvent<Object>?
    public init(_ read: @escaping @Sendable () async throws(KubeError) -> WatchEvent<Object>?) { self.read = read }
    public func makeAsyncIterator() -> Iterator { Iterator(read: read) }
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let read: @Sendable () async throws(KubeError) -> WatchEvent<Object>?
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(KubeError) -> WatchEvent<Object>?
        {
            try await read()
        }
    }
}

/// The source of a watcher's objects: one collection with its selectors, at one API server. `KubeClient` makes it.
public protocol ListWatch<Object>: Sendable {
    associatedtype Object: KubeObject
    /// A page. `continueToken` is the one of the page before, or nil for the first page (a consistent read). 410
    /// `Expired` means that the token is too old: start again.
    func list(continueToken: String?) async throws(KubeError) -> ListPage<Object>
    /// Changes after `resourceVersion`, with bookmarks. 410 means that it is too old: list again.
    func watch(from resourceVersion: String) async throws(KubeError) -> WatchStream<Object>
}
