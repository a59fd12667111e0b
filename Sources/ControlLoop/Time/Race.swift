/// How an operation under `race` ended.
enum RaceResult<Success: Sendable>: Sendable {
    /// It ended by itself, perhaps after the caller's own task was cancelled.
    case finished(Success)
    /// The deadline passed first. The operation was cancelled and its result dropped.
    case timedOut
    /// The signal moved first. The operation was cancelled and its result dropped.
    case interrupted
}

/// Runs `operation` until it ends, `deadline` passes or `signal` moves past the given generation.
///
/// It is structured: it returns only when the operation has ended, so nothing of it goes on afterwards. The operation
/// must react to cancellation, or the caller waits for it.
func race<Success: Sendable>(
    until deadline: Duration?, on timeline: Timeline, interruptedBy signal: (Signal, past: UInt64)? = nil,
    _ operation: @escaping @Sendable () async -> Success
) async -> RaceResult<Success> {
    await withTaskGroup(of: RaceResult<Success>?.self) { group in
        group.addTask { .finished(await operation()) }
        if let deadline {
            group.addTask { await timeline.sleep(until: deadline) ? nil : .timedOut }
        }
        if let (signal, seen) = signal {
            group.addTask {
                await signal.wait(past: seen)
                return signal.generation > seen ? .interrupted : nil
            }
        }
        // A watchdog that was only cancelled gives nil. The operation was cancelled as well, and its result is still to
        // come.
        while let result = await group.next() {
            if let result {
                group.cancelAll()
                return result
            }
        }
        preconditionFailure("the operation's child always gives a result")
    }
}
