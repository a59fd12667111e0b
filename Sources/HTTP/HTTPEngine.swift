import CCurl
import Glibc
import Support

/// The one thread that owns every libcurl handle. An idle watch costs a descriptor in its epoll set, and no thread,
/// timer tick or polling. There may be thousands.
///
/// A second thread sees to it that no connection keeps the first one for itself (`TurnWatch`). It looks five times a second,
/// which took 11 ms of a processor in a minute (a debug build).
///
/// `shared` lives as long as the process. Another engine stops when it is released, or by `shutdown()`.
public final class HTTPEngine: Sendable {
    public static let shared = HTTPEngine()

    /// The numbers of what the engine holds at a moment.
    public struct Statistics: Sendable, Hashable {
        /// Clients that are not closed.
        public var clients = 0
        /// Exchanges in flight.
        public var transfers = 0
        /// libcurl's handles, kept ones included.
        public var easyHandles = 0
        /// One for a client's whole exchanges, one for its streams, and retired ones until they are empty.
        public var multiHandles = 0
        /// Sockets that the engine watches. Connections at rest do not count.
        public var sockets = 0

        public init() {}
    }

    let mailbox = Mailbox()
    private let thread: Locked<pthread_t?>

    public init() {
        _ = Self.globalInit
        thread = Locked(startThread(mailbox))
    }

    deinit {
        // The thread is not joined, since the last reference may go away on the engine's own thread.
        _ = mailbox.post(.stop)
        if let thread = thread.withLock({ $0 }) { pthread_detach(thread) }
    }

    /// Ends the exchanges in flight with `.closed`, and waits for the thread's end. Later requests fail with `.closed`.
    public func shutdown() {
        _ = mailbox.post(.stop)
        let thread = thread.withLock { thread -> pthread_t? in
            defer { thread = nil }
            return thread
        }
        if let thread { pthread_join(thread, nil) }
    }

    /// Nil after a shutdown.
    public func statistics() async -> Statistics? {
        await withCheckedContinuation { continuation in
            if !mailbox.post(.report { continuation.resume(returning: $0) }) { continuation.resume(returning: nil) }
        }
    }

    private static let globalInit: Void = { squadron_global_init() }()
}

/// Nil, with the mailbox closed, if the system is out of descriptors or threads. Then every request fails with
/// `.closed`, and the process goes on.
private func startThread(_ mailbox: Mailbox) -> pthread_t? {
    guard let poller = Poller(wakeUp: mailbox.descriptor) else {
        _ = mailbox.close()
        return nil
    }
    final class Start {
        let mailbox: Mailbox, poller: Poller
        init(mailbox: Mailbox, poller: Poller) { (self.mailbox, self.poller) = (mailbox, poller) }
    }
    // Signals go to the other threads (the mask is inherited), except for the signals that report a crash of this
    // thread.
    var blocked = sigset_t()
    var before = sigset_t()
    sigfillset(&blocked)
    for signal in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT] { sigdelset(&blocked, signal) }
    pthread_sigmask(SIG_SETMASK, &blocked, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }

    // The object is retained for the new thread, which takes it over.
    let start = Unmanaged.passRetained(Start(mailbox: mailbox, poller: poller))
    var thread = pthread_t()
    let result = pthread_create(
        &thread, nil,
        { context in
            guard let context else { return nil }
            let start = Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
            squadron_name_thread("http")
            EngineLoop(mailbox: start.mailbox, poller: start.poller).run()
            return nil
        }, start.toOpaque())
    guard result == 0 else {
        start.release()
        _ = mailbox.close()
        return nil
    }
    return thread
}
