import Support

/// A value that a test can wait for, so that no test sleeps and looks again.
public final class Observed<Value: Sendable>: Sendable {
    private struct Waiter {
        var condition: @Sendable (Value) -> Bool
        var continuation: CheckedContinuation<Value, Never>
    }
    private struct State {
        var value: Value
        var lastID = 0
        var waiters: [Int: Waiter] = [:]
    }
    private let state: Locked<State>

    public init(_ value: Value) { state = Locked(State(value: value)) }

    public var value: Value { state.withLock { $0.value } }

    @discardableResult
    public func update<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
        let (result, value, ready) = state.withLock { state in
            let result = body(&state.value)
            let value = state.value
            let ready = state.waiters.filter { $0.value.condition(value) }
            for id in ready.keys { state.waiters[id] = nil }
            return (result, value, ready.values.map(\.continuation))
        }
        for continuation in ready { continuation.resume(returning: value) }
        return result
    }

    /// Returns when the condition holds, and when the test is cancelled because its time limit is over.
    @discardableResult
    public func wait(until condition: @escaping @Sendable (Value) -> Bool) async -> Value {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let value: Value? = state.withLock { state in
                    if condition(state.value) || Task.isCancelled { return state.value }
                    state.waiters[id] = Waiter(condition: condition, continuation: continuation)
                    return nil
                }
                if let value { continuation.resume(returning: value) }
            }
        } onCancel: {
            let (waiter, value) = state.withLock { ($0.waiters.removeValue(forKey: id), $0.value) }
            waiter?.continuation.resume(returning: value)
        }
    }
}
