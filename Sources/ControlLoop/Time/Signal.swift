import Support

/// Tells waiting tasks that something changed, without ever losing a change.
///
/// It is a counter. A waiting task reads `generation` and looks for work. If there is none, it waits until the counter
/// is past the value that it read. A task that makes work does so first, and then calls `advance`. A change between the
/// look and the wait moves the counter, so the wait returns at once.
public final class Signal: Sendable {
    private struct State {
        var generation: UInt64 = 0
        var lastWaiter: UInt64 = 0
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    }
    private let state = Locked(State())

    public init() {}

    public var generation: UInt64 { state.withLock { $0.generation } }

    public func advance() {
        let waiters = state.withLock { state in
            state.generation += 1
            let waiters = state.waiters
            state.waiters = [:]
            return waiters
        }
        for waiter in waiters.values { waiter.resume() }
    }

    /// Returns when the generation is past `seen`, or the task is cancelled.
    public func wait(past seen: UInt64) async {
        let id = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    // A cancellation sets its mark before it calls the handler below: either the mark is seen here,
                    // or the handler comes later and finds the waiter.
                    guard state.generation <= seen, !Task.isCancelled else { return false }
                    state.waiters[id] = continuation
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }

    /// The same, but it also returns at `deadline`.
    public func wait(past seen: UInt64, until deadline: Duration?, on timeline: Timeline) async {
        guard let deadline else { return await wait(past: seen) }
        await withDiscardingTaskGroup { group in
            // The first to end cancels the other: both children end when the group is cancelled.
            let first = Signal()
            group.addTask {
                await self.wait(past: seen)
                first.advance()
            }
            group.addTask {
                await timeline.sleep(until: deadline)
                first.advance()
            }
            await first.wait(past: 0)
            group.cancelAll()
        }
    }
}
