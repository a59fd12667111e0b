/// Child tasks of one task, which any code may start.
public final class ChildTasks<Start: Sendable>: Sendable {
    // It has one element for each started task, which `run` takes at once.
    private let starting: AsyncStream<Start>
    private let continuation: AsyncStream<Start>.Continuation

    public init() { (starting, continuation) = AsyncStream.makeStream(of: Start.self) }

    /// The task begins at once, or as soon as `run` runs.
    public func start(_ start: Start) { continuation.yield(start) }

    /// Runs `body` for each started task until it is cancelled. It returns when the last of them has ended.
    public func run(_ body: @escaping @Sendable (Start) async -> Void) async {
        await withDiscardingTaskGroup { group in
            for await start in starting { group.addTask { await body(start) } }
            group.cancelAll()
        }
    }
}

extension Signal {
    /// Runs `body`, and cancels it at the first signal.
    public func ending(_ body: @escaping @Sendable () async -> Void) async {
        await withDiscardingTaskGroup { group in
            group.addTask { await body() }
            await wait(past: 0)
            group.cancelAll()
        }
    }
}
