import KubeObjects
import Support

/// The objects of one collection, by key, as a watcher saw them last.
///
/// - It can't be read before the first list is complete. A list replaces its content at once, so half a list is never
///   visible.
/// - A handler is called when its change is visible, with one change at a time, in order.
/// - `Value` is what the watcher's projection keeps of an object: the object itself, or only a hash and a
///   resourceVersion if nothing more is needed.
///
/// It has one writer at a time (its watcher). Anything may read it.
public final class Store<Value: Sendable>: Sendable {
    public typealias Handler = Observers<StoreChange<Value>>.Handler

    /// Nil before the first list.
    private let state = Locked<[ObjectKey: Value]?>(nil)
    private let filled = Signal()
    private let observers = Observers<StoreChange<Value>>()

    public init() {}

    // MARK: Reading

    /// All objects. Nil before the first complete list. A snapshot is cheap to take. While one is held, the store's
    /// next change copies the table, so don't keep it for long.
    public var snapshot: [ObjectKey: Value]? { state.withLock { $0 } }

    /// Nil if there is no such object, and before the first complete list. Check `isReady` if the difference matters.
    public subscript(key: ObjectKey) -> Value? { state.withLock { $0?[key] } }

    public var isReady: Bool { state.withLock { $0 != nil } }

    /// Zero before the first complete list.
    public var count: Int { state.withLock { $0?.count ?? 0 } }

    /// Returns after the first complete list, or at once if there was one.
    public func ready() async throws(CancellationError) {
        while true {
            let seen = filled.generation
            if isReady { return }
            if Task.isCancelled { throw CancellationError() }
            await filled.wait(past: seen)
        }
    }

    // MARK: Following

    /// Calls `handler` with every change from now on, on the writer's task, so it must be quick and not block. It is
    /// not called for objects that exist already: subscribe first, then read `snapshot`, and you miss nothing. The
    /// returned closure ends the subscription.
    @discardableResult
    public func subscribe(_ handler: @escaping Handler) -> @Sendable () -> Void { observers.subscribe(handler) }

    // MARK: Writing

    /// For the store's one writer.
    public func apply(_ update: StoreUpdate<Value>) {
        switch update {
        case .replace(let new): replace(with: new)
        case .set(let key, let value): set(key, value)
        case .remove(let key): remove(key)
        }
    }

    /// What a list would change, before it is believed.
    func census(of list: [ObjectKey: Value]) -> ListCensus {
        let held = snapshot ?? [:]
        return ListCensus(held: held.count, listed: list.count, gone: held.keys.count { list[$0] == nil })
    }

    /// Whether an object with that key would be one too many.
    func isFull(for key: ObjectKey, _ room: () -> Int) -> Bool {
        guard let count = state.withLock({ objects in objects.flatMap { $0[key] == nil ? $0.count : nil } }) else {
            return false
        }
        return count >= room()
    }

    private func replace(with new: [ObjectKey: Value]) {
        let old = state.withLock { objects in
            defer { objects = new }
            return objects
        }
        filled.advance()
        guard !observers.isEmpty else { return }
        let origin: StoreChange<Value>.Origin = old == nil ? .firstList : .relist
        for (key, value) in new {
            tell(key, old?[key].map { .updated(old: $0, new: value) } ?? .added(value), origin)
        }
        for (key, value) in old ?? [:] where new[key] == nil { tell(key, .deleted(value), origin) }
    }

    private func set(_ key: ObjectKey, _ value: Value) {
        // Before the first list there is nothing to change. The list will bring the object.
        let (isListed, before) = state.withLock { ($0 != nil, $0?.updateValue(value, forKey: key)) }
        guard isListed else { return }
        tell(key, before.map { .updated(old: $0, new: value) } ?? .added(value), .event)
    }

    private func remove(_ key: ObjectKey) {
        if let before = state.withLock({ $0?.removeValue(forKey: key) }) { tell(key, .deleted(before), .event) }
    }

    private func tell(_ key: ObjectKey, _ kind: StoreChange<Value>.Kind, _ origin: StoreChange<Value>.Origin) {
        observers.tell(StoreChange(key: key, kind: kind, origin: origin))
    }
}
