import CCurl
import Glibc
import Support

/// Ends connections that keep the engine's thread for themselves.
///
/// libcurl 7.88 reads an HTTP/2 connection until something for the request has come, or nothing is left to read. A server
/// that sends frames without consequence (PING, SETTINGS, PRIORITY, …) faster than they are read keeps it there for ever,
/// and all other servers wait. libcurl has no option against that. So a second thread looks at how much of a processor the
/// engine's thread has used since it gave libcurl a turn. Past the limit it shuts the socket down: the next read fails, and
/// the turn ends. Time in which the thread was not running does not count, so a busy machine does no harm.
final class TurnWatch: Sendable {
    /// A turn in good order takes microseconds, and one with a TLS handshake a few milliseconds.
    static let limit: Int64 = 200_000_000
    private static let interval: Int32 = 200

    private struct Turn {
        /// The sockets that libcurl may read in this turn: one, or all of a lane. None between two turns.
        var socket: Int32 = -1
        var sockets: [Int32] = []
        var number: UInt64 = 0
        /// How much of a processor the engine's thread had used when the turn was first seen.
        var seen: (number: UInt64, used: Int64)?
        var clock: clockid_t?
    }
    private let turn = Locked(Turn())
    /// Written to at the end.
    private let ending: Int32

    init() { ending = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK)) }

    deinit { if ending >= 0 { Glibc.close(ending) } }

    /// Call it on the engine's thread.
    func watchThisThread() {
        var clock = clockid_t()
        guard pthread_getcpuclockid(pthread_self(), &clock) == 0, ending >= 0 else { return }
        turn.withLock { $0.clock = clock }
        let watch = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                squadron_name_thread("http-watch")
                Unmanaged<TurnWatch>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, watch.toOpaque())
        if result == 0 { pthread_detach(thread) } else { watch.release() }
    }

    func end() {
        turn.withLock { $0.clock = nil }
        var one: UInt64 = 1
        _ = write(ending, &one, 8)
    }

    func begin(_ socket: Int32) { begin { $0.socket = socket } }

    func begin(all sockets: [Int32]) { begin { $0.sockets = sockets } }

    private func begin(_ change: (inout Turn) -> Void) {
        turn.withLock { turn in
            turn.number &+= 1
            change(&turn)
        }
    }

    func finish() { turn.withLock { ($0.socket, $0.sockets) = (-1, []) } }

    private func run() {
        var end = pollfd(fd: ending, events: Int16(POLLIN), revents: 0)
        while poll(&end, 1, Self.interval) <= 0 {
            let goesOn = turn.withLock { turn -> Bool in
                guard let clock = turn.clock else { return false }
                let sockets = turn.socket >= 0 ? [turn.socket] : turn.sockets
                var time = timespec()
                guard !sockets.isEmpty, clock_gettime(clock, &time) == 0 else { return true }
                let used = Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
                guard let seen = turn.seen, seen.number == turn.number else {
                    turn.seen = (turn.number, used)
                    return true
                }
                // While the lock is held the turn goes on. libcurl may still have closed one of the sockets in this
                // turn, and the system may have given its number to another file.
                if used &- seen.used >= Self.limit { for socket in sockets { shutdown(socket, Int32(SHUT_RDWR)) } }
                return true
            }
            if !goesOn { return }
        }
    }
}
