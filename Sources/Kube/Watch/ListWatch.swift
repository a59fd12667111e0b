import KubeObjects

/// One page of a list.
public struct ListPage<Object: KubeObject>: Sendable {
    public var items: [Decoded<Object>]
    /// Of the whole list: the same on every page.
    public var resourceVersion: String
    /// Nil on the last page.
    public var continueToken: String?

    public init(items: [Decoded<Object>], resourceVersion: String, continueToken: String? = nil) {
        self.items = items
        self.resourceVersion = resourceVersion
        self.continueToken = continueToken
    }
}

public enum WatchEvent<Object: KubeObject>: Sendable {
    /// ADDED or MODIFIED.
    case applied(Decoded<Object>)
    /// DELETED: the object's last state, with the resourceVersion of its deletion.
    case deleted(Decoded<Object>)
    case bookmark(resourceVersion: String)
}

/// The events of one watch, for one reader. Ends with nil when the server closes it in good order; an ERROR event
/// (410 among them) is thrown as a `KubeError` with that status.
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

/// Where a watcher gets its objects: one collection with its selectors, at one API server. `KubeClient` makes them.
public protocol ListWatch<Object>: Sendable {
    associatedtype Object: KubeObject
    /// A page; `continueToken` of the page before, nil for the first one (a consistent read).
    /// 410 `Expired` means: the token is too old, start anew.
    func list(continueToken: String?) async throws(KubeError) -> ListPage<Object>
    /// Changes after `resourceVersion`, with bookmarks. 410 means: too old, list anew.
    func watch(from resourceVersion: String) async throws(KubeError) -> WatchStream<Object>
}
