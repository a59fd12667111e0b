import NIOCore

/// Runs a task's steps on one event loop.
///
/// The loop of a connection parses, decides, answers and writes its requests. This needs no hop to another thread and
/// back, and no locks among the parts of a connection.
final class EventLoopExecutor: TaskExecutor {
    let eventLoop: any EventLoop

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        eventLoop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
