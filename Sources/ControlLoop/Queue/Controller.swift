/// Takes keys from a queue, calls `reconcile` for several of them at a time, and puts failed keys back.
///
/// - It is level-based: the closure gets a key and reads the present state itself.
/// - It never works on one key twice at a time. The queue's `limit` bounds how many keys are in work.
/// - Workers exist only while there is work: an idle controller is one waiting task.
/// - A reconcile past its deadline is cancelled and counts as failed. Its key stays in flight until the reconcile has
///   really ended. So a closure that ignores cancellation blocks its own key and one worker, and nothing else.
public final class Controller<Key: Hashable & Sendable>: Sendable {
    public enum Outcome: Sendable, Hashable {
        case done
        case requeue(after: Duration)
        /// The text is for people. `retryAfter` is how long a server asked us to wait.
        case failed(String, retryAfter: Duration? = nil)
    }

    public struct Configuration: Sendable, Hashable {
        /// The time limit of one reconcile.
        public var deadline: Duration
        /// How long reconciles in flight may go on after `shutDown`.
        public var grace: Duration
        public init(deadline: Duration = .seconds(120), grace: Duration = .seconds(20)) {
            self.deadline = deadline
            self.grace = grace
        }
    }

    public typealias Reconcile = @Sendable (Key) async -> Outcome
    /// What can be said of a key without waiting. Nil if it must be reconciled.
    ///
    /// It runs in the controller's own task, so it must be quick and not block. It spares the tasks and the timer of a
    /// reconcile, which cost more than a look that finds nothing to do.
    public typealias Glance = @Sendable (Key) -> Outcome?
    /// Called after each reconcile with its duration, for logs and metrics.
    public typealias Observer = @Sendable (Key, Outcome, Duration) -> Void

    public let queue: WorkQueue<Key>
    private let configuration: Configuration
    private let observer: Observer
    private let glance: Glance
    private let reconcile: Reconcile
    private let deadlines: DeadlineWatch
    private var timeline: Timeline { queue.timeline }

    public init(
        _ queue: WorkQueue<Key>, configuration: Configuration = Configuration(),
        observer: @escaping Observer = { _, _, _ in }, glance: @escaping Glance = { _ in nil },
        reconcile: @escaping Reconcile
    ) {
        self.queue = queue
        self.configuration = configuration
        self.observer = observer
        self.glance = glance
        self.reconcile = reconcile
        deadlines = DeadlineWatch(queue.timeline)
    }

    /// Runs until `shutDown` and the end of the reconciles in flight, which are cancelled after the grace period. If
    /// the task is cancelled, it cancels them at once and their keys go back to the queue.
    public func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.deadlines.run() }
            while let key = await queue.next() {
                let start = timeline.now
                if let outcome = glance(key) {
                    finish(key, outcome, since: start)
                } else {
                    group.addTask { await self.work(on: key) }
                }
            }
            _ = await queue.drained(until: timeline.now + configuration.grace)
            group.cancelAll()  // what is still in flight by now, and the watch
        }
    }

    /// Starts no reconcile from now on. `run` returns when those in flight have ended.
    public func shutDown() { queue.shutDown() }

    private func work(on key: Key) async {
        let start = timeline.now
        // The task is unstructured, so that it can be cancelled alone. We await it, so nothing of it outlives this
        // call.
        let task = Task { [reconcile] in await reconcile(key) }
        let watch = deadlines.watch(until: start + configuration.deadline) { task.cancel() }
        var outcome = await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
        if !deadlines.isDone(watch) { outcome = .failed("not done within \(configuration.deadline)") }
        // A reconcile that failed because it was cancelled from outside says nothing about its key.
        if Task.isCancelled, case .failed = outcome {
            queue.finish(key, .abandoned)
            return
        }
        finish(key, outcome, since: start)
    }

    private func finish(_ key: Key, _ outcome: Outcome, since start: Duration) {
        switch outcome {
        case .done: queue.finish(key, .done)
        case .requeue(let delay): queue.finish(key, .requeue(after: delay))
        case .failed(_, let retryAfter): queue.finish(key, .failed(retryAfter: retryAfter))
        }
        observer(key, outcome, timeline.now - start)
    }
}
