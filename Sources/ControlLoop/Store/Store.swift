import KubeObjects
import Support

/// The objects of one collection as a watcher saw them last, by key.
///
/// - It can't be read before the first list is complete, and a list replaces its content at once: half a list is never
///   visible.
/// - A handler is called after the change that it is told is visible, one change at a time, in order.
/// - `Value` is what the watcher's projection keeps of an object: the object itself, or a hash and a resourceVersion
///   where that is all that is needed.
///
/// One writer at a time (its watcher); readers anywhere.
public final class Store<Value: Sendable>: Sendable {
    public typealias Handler = @Sendable (StoreChange<Value>) -> Void

    /// Ends a subscription.
    public struct Subscription: Sendable, Hashable {
        fileprivate let id: UInt64
    }

    private struct State {
        var objects: [ObjectKey: Value]?
        var lastSubscription: UInt64 = 0
        var handlers: [(id: UInt64, handler: Handler)] = []
    }
    private let state = Locked(State())
    private let filled = Signal()

    public init() {}

    // MARK: Reading

    /// Everything; nil before the first complete list. Cheap to take; while one is held, the store's next change copies
    /// the table, so don't keep it for long.
    public var snapshot: [ObjectKey: Value]? { state.withLock { $0.objects } }

    /// Nil where there is no such object, and before the first complete list: check `isReady` where that matters.
    public subscript(key: ObjectKey) -> Value? { state.withLock { $0.objects?[key] } }

    public var isReady: Bool { state.withLock { $0.objects != nil } }

    /// Zero before the first complete list.
    public var count: Int { state.withLock { $0.objects?.count ?? 0 } }

    /// Returns after the first complete list, at once if that was before.
    public func ready() async throws(CancellationError) {
        while true {
            let seen = filled.generation
            if isReady { return }
            if Task.isCancelled { throw CancellationError() }
            await filled.wait(past: seen)
        }
    }

    // MARK: Following

    /// Calls `handler` with every change from now on, on the writer's task: it must be quick and not block. What is
    /// there already is not told: subscribe first, then read `snapshot`, and nothing is missed.
    @discardableResult
    public func subscribe(_ handler: @escaping Handler) -> Subscription {
        state.withLock { state in
            state.lastSubscription += 1
            state.handlers.append((state.lastSubscription, handler))
            return Subscription(id: state.lastSubscription)
        }
    }

    /// A call under way may still come to its end.
    public func unsubscribe(_ subscription: Subscription) {
        state.withLock { $0.handlers.removeAll { $0.id == subscription.id } }
    }

    // MARK: Writing

    /// For the store's one writer.
    public func apply(_ update: StoreUpdate<Value>) {
        switch update {
        case .replace(let new): replace(with: new)
        case .set(let key, let value): set(key, value)
        case .remove(let key): remove(key)
        }
    }

    /// What a list would do, before it is believed.
    func census(of list: [ObjectKey: Value]) -> ListCensus {
        let held = snapshot ?? [:]
        return ListCensus(held: held.count, listed: list.count, gone: held.keys.count { list[$0] == nil })
    }

    private func replace(with new: [ObjectKey: Value]) {
        let (old, handlers) = state.withLock { state in
            let old = state.objects
            state.objects = new
            return (old, state.handlers)
        }
        filled.advance()
        guard !handlers.isEmpty else { return }
        let origin: StoreChange<Value>.Origin = old == nil ? .firstList : .relist
        for (key, value) in new {
            if let before = old?[key] {
                tell(handlers, key, .updated(old: before, new: value), origin)
            } else {
                tell(handlers, key, .added(value), origin)
            }
        }
        for (key, value) in old ?? [:] where new[key] == nil { tell(handlers, key, .deleted(value), origin) }
    }

    private func set(_ key: ObjectKey, _ value: Value) {
        let (before, handlers) = state.withLock { state in
            // Without a list there is nothing to change: the list to come brings the object.
            guard state.objects != nil else { return (Value?.none, [(id: UInt64, handler: Handler)]()) }
            return (state.objects?.updateValue(value, forKey: key), state.handlers)
        }
        tell(handlers, key, before.map { .updated(old: $0, new: value) } ?? .added(value), .event)
    }

    private func remove(_ key: ObjectKey) {
        let (before, handlers) = state.withLock { ($0.objects?.removeValue(forKey: key), $0.handlers) }
        if let before { tell(handlers, key, .deleted(before), .event) }
    }

    private func tell(
        _ handlers: [(id: UInt64, handler: Handler)], _ key: ObjectKey, _ kind: StoreChange<Value>.Kind,
        _ origin: StoreChange<Value>.Origin
    ) {
        for (_, handler) in handlers { handler(StoreChange(key: key, kind: kind, origin: origin)) }
    }
}
