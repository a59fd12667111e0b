import JSON

extension ObjectStore {
    /// Every object that exists (as `added`), then every change, for one reader. A reader that falls behind the history
    /// gets the existing ones again, which is enough for level-based controllers. It ends when the reader's task is
    /// cancelled.
    public func changes(of resource: GroupResource) -> StoreChanges { StoreChanges(store: self, resource: resource) }
}

/// The changes of one resource. They are read from the store's history, so nothing is queued for a slow reader.
public struct StoreChanges: AsyncSequence, Sendable {
    public typealias Element = StoreChange
    public typealias Failure = Never
    let store: ObjectStore
    let resource: GroupResource

    public func makeAsyncIterator() -> Iterator { Iterator(store: store, resource: resource) }

    public struct Iterator: AsyncIteratorProtocol {
        let store: ObjectStore
        let resource: GroupResource
        private var pending: ArraySlice<(kind: StoreChange.Kind, key: String, object: StoredObject)> = []
        private var revision: Int64?

        init(store: ObjectStore, resource: GroupResource) {
            self.store = store
            self.resource = resource
        }

        public mutating func next() async -> StoreChange? { await next(isolation: nil) }

        public mutating func next(isolation actor: isolated (any Actor)?) async -> StoreChange? {
            while !Task.isCancelled {
                if let next = pending.popFirst() {
                    let (namespace, name) = next.key.namespaceAndName
                    return StoreChange(
                        kind: next.kind, namespace: namespace, name: name, object: next.object.content.json)
                }
                guard let revision, case .some(let changes, let through) = store.changes(resource, after: revision)
                else {
                    // A read of the present state can't fail.
                    guard let page = try? store.read(resource, from: "", to: nil) else { return nil }
                    pending = page.entries.map { (.added, $0.key, $0.object) }[...]
                    revision = page.revision
                    continue
                }
                pending = changes.map { ($0.kind, $0.key, $0.object) }[...]
                self.revision = through
                if changes.isEmpty { await store.waitForChange(resource, after: through) }
            }
            return nil
        }
    }
}

extension String {
    /// The namespace and name in a collection's key.
    var namespaceAndName: (namespace: String?, name: String) {
        guard let slash = firstIndex(of: "/") else { return (nil, self) }
        return (String(self[..<slash]), String(self[index(after: slash)...]))
    }
}
