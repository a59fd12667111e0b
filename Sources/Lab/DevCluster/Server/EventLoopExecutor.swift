import NIOCore

/// Runs a task's steps on one event loop.
///
/// A request is parsed, decided on, answered and written on the loop of its connection: no hop to another thread and back,
/// and the parts of a connection need no locks among themselves.
final class EventLoopExecutor: TaskExecutor {
    let eventLoop: any EventLoop

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        eventLoop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
