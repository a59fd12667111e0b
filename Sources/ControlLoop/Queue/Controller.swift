/// Works on the keys of a queue: hands each to `reconcile`, several at a time, and puts back what is to be done again.
///
/// - Level-based: the closure gets a key and reads the world itself.
/// - One key is worked on once at a time; how many at a time is the queue's `limit`.
/// - Workers exist only while there is work: an idle controller is one waiting task.
/// - A reconcile past its deadline is cancelled and counts as failed. Its key stays in flight until it has really
///   ended, so a closure that ignores cancellation blocks its own key and one worker, nobody else.
public final class Controller<Key: Hashable & Sendable>: Sendable {
    public enum Outcome: Sendable, Hashable {
        case done
        case requeue(after: Duration)
        /// Why, for people; and how long a server asked to wait.
        case failed(String, retryAfter: Duration? = nil)
    }

    public struct Configuration: Sendable, Hashable {
        /// For one reconcile.
        public var deadline: Duration
        /// How long what is in flight may go on after `shutDown`.
        public var grace: Duration
        public init(deadline: Duration = .seconds(120), grace: Duration = .seconds(20)) {
            self.deadline = deadline
            self.grace = grace
        }
    }

    public typealias Reconcile = @Sendable (Key) async -> Outcome
    /// Called after each reconcile with how long it took; for logs and metrics.
    public typealias Observer = @Sendable (Key, Outcome, Duration) -> Void

    public let queue: WorkQueue<Key>
    private let configuration: Configuration
    private let observer: Observer
    private let reconcile: Reconcile
    private let deadlines: DeadlineWatch
    private var timeline: Timeline { queue.timeline }

    public init(
        _ queue: WorkQueue<Key>, configuration: Configuration = Configuration(),
        observer: @escaping Observer = { _, _, _ in }, reconcile: @escaping Reconcile
    ) {
        self.queue = queue
        self.configuration = configuration
        self.observer = observer
        self.reconcile = reconcile
        deadlines = DeadlineWatch(queue.timeline)
    }

    /// Runs until `shutDown` and the end of what is in flight (cancelled after the grace period), or until the task is
    /// cancelled: then what is in flight is cancelled at once and its keys go back to the queue.
    public func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.deadlines.run() }
            while let key = await queue.next() {
                group.addTask { await self.work(on: key) }
            }
            _ = await queue.drained(until: timeline.now + configuration.grace)
            group.cancelAll()  // what is still in flight by now, and the watch
        }
    }

    /// Starts nothing any more. `run` returns when what is in flight has ended.
    public func shutDown() { queue.shutDown() }

    private func work(on key: Key) async {
        let start = timeline.now
        // A task of its own, so that it can be cancelled alone. It is awaited, so nothing of it goes on afterwards.
        let task = Task { [reconcile] in await reconcile(key) }
        let watch = deadlines.watch(until: start + configuration.deadline) { task.cancel() }
        var outcome = await withTaskCancellationHandler { await task.value } onCancel: { task.cancel() }
        if !deadlines.isDone(watch) { outcome = .failed("not done within \(configuration.deadline)") }
        // A reconcile that failed because it was cancelled from outside says nothing about its key.
        if Task.isCancelled, case .failed = outcome {
            queue.finish(key, .abandoned)
            return
        }
        switch outcome {
        case .done: queue.finish(key, .done)
        case .requeue(let delay): queue.finish(key, .requeue(after: delay))
        case .failed(_, let retryAfter): queue.finish(key, .failed(retryAfter: retryAfter))
        }
        observer(key, outcome, timeline.now - start)
    }
}
