/// Child tasks of one task that are started from anywhere.
public final class ChildTasks<Start: Sendable>: Sendable {
    // One element for each that was started, taken at once by `run`.
    private let starting: AsyncStream<Start>
    private let continuation: AsyncStream<Start>.Continuation

    public init() { (starting, continuation) = AsyncStream.makeStream(of: Start.self) }

    /// Begins at once, or as soon as `run` runs.
    public func start(_ start: Start) { continuation.yield(start) }

    /// Runs `body` for each that is started, until it is cancelled; returns when the last of them has ended.
    public func run(_ body: @escaping @Sendable (Start) async -> Void) async {
        await withDiscardingTaskGroup { group in
            for await start in starting { group.addTask { await body(start) } }
            group.cancelAll()
        }
    }
}

extension Signal {
    /// Runs `body`, and cancels it when the signal is given for the first time.
    public func ending(_ body: @escaping @Sendable () async -> Void) async {
        await withDiscardingTaskGroup { group in
            group.addTask { await body() }
            await wait(past: 0)
            group.cancelAll()
        }
    }
}
