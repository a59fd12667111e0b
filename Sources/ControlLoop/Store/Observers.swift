import Support

/// A list of handlers that get each value. They are called on the sender's task, so they must be quick and not block.
public final class Observers<Value: Sendable>: Sendable {
    public typealias Handler = @Sendable (Value) -> Void

    private struct State {
        var last: UInt64 = 0
        var handlers: [(id: UInt64, handler: Handler)] = []
    }
    private let state = Locked(State())

    public init() {}

    /// Adds a handler. The returned closure removes it; a call that is under way then may still finish.
    @discardableResult
    public func subscribe(_ handler: @escaping Handler) -> @Sendable () -> Void {
        let id = state.withLock { state in
            state.last += 1
            state.handlers.append((state.last, handler))
            return state.last
        }
        return { [weak self] in self?.state.withLock { $0.handlers.removeAll { $0.id == id } } }
    }

    public var isEmpty: Bool { state.withLock { $0.handlers.isEmpty } }

    public func tell(_ value: Value) {
        for (_, handler) in state.withLock({ $0.handlers }) { handler(value) }
    }
}

extension Observers<Void> {
    public func tell() { tell(()) }
}
