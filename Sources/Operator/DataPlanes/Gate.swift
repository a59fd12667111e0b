import Support

/// A door that tasks wait at: shut, they wait; open, they pass.
///
/// Every task that waits when the door opens gets through, even if it is shut again right after. Cancellation ends a wait
/// at once with `CancellationError`.
final class Gate: Sendable {
    private struct State {
        var isOpen: Bool
        var nextID: UInt64 = 0
        var waiting: [UInt64: CheckedContinuation<Bool, Never>] = [:]
    }
    private let state: Locked<State>

    init(isOpen: Bool = false) { state = Locked(State(isOpen: isOpen)) }

    var isOpen: Bool { state.withLock { $0.isOpen } }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for continuation in waiting { continuation.resume(returning: true) }
    }

    func shut() { state.withLock { $0.isOpen = false } }

    func set(open: Bool) { open ? self.open() : shut() }

    func wait() async throws(CancellationError) {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let passed = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
                // Cancelled before this point, the handler below has run already and found nothing: look again here.
                let answer: Bool? = state.withLock { state in
                    if state.isOpen { return true }
                    if Task.isCancelled { return false }
                    state.waiting[id] = continuation
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: id) }?.resume(returning: false)
        }
        if !passed { throw CancellationError() }
    }
}
