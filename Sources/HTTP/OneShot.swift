import Support

/// A value that is set once on the engine's thread and awaited once by a task.
final class OneShot<Value: Sendable>: Sendable {
    typealias Outcome = Result<Value, HTTPError>

    private enum State {
        /// → waiting or done
        case empty
        /// → consumed
        case waiting(CheckedContinuation<Outcome, Never>)
        /// → consumed
        case done(Outcome)
        case consumed
    }
    private let state = Locked(State.empty)

    /// Does nothing the second time.
    func resolve(_ outcome: Outcome) {
        let waiter: CheckedContinuation<Outcome, Never>? = state.withLock { state in
            switch state {
            case .empty:
                state = .done(outcome)
                return nil
            case .waiting(let continuation):
                state = .consumed
                return continuation
            case .done, .consumed: return nil
            }
        }
        waiter?.resume(returning: outcome)
    }

    /// Call it once. The caller passes a cancellation on; `resolve` then ends the wait.
    func outcome() async -> Outcome {
        await withCheckedContinuation { continuation in
            let ready: Outcome? = state.withLock { state in
                switch state {
                case .empty:
                    state = .waiting(continuation)
                    return nil
                case .done(let outcome):
                    state = .consumed
                    return outcome
                case .waiting, .consumed:
                    return .failure(HTTPError(.other, "awaited twice", mayHaveBeenProcessed: true))
                }
            }
            if let ready { continuation.resume(returning: ready) }
        }
    }
}
