import CCurl
import Glibc

/// The epoll set of the engine's thread: which socket belongs to which lane.
final class Poller {
    struct Event {
        var socket: Int32
        var isReadable: Bool
        var isWritable: Bool
        var hasFailed: Bool
        /// No transfer waits for this socket, and the other end has closed it.
        var isAtRest: Bool
    }

    private struct Slot {
        var lane: Lane?
        /// Whether the socket belongs to a kept connection without a transfer. Then it is watched only for its end.
        var isAtRest = false
        var events: UInt32 = 0
        /// The system soon uses a descriptor's number again. An event that was fetched for the old socket must not
        /// reach the new one of another lane.
        var generation: UInt32 = 0
    }

    private let descriptor: Int32
    private let wakeUp: Int32
    /// The index is the descriptor, which is a small number.
    private var slots: [Slot] = []
    private var fetched = [epoll_event](repeating: epoll_event(), count: 256)
    private(set) var socketCount = 0
    /// It may be too high, since libcurl does not say which sockets it closed.
    private(set) var restingCount = 0

    /// Nil if the system is out of descriptors. It does not take over `wakeUp`.
    init?(wakeUp: Int32) {
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        self.wakeUp = wakeUp
        guard descriptor >= 0, wakeUp >= 0, control(EPOLL_CTL_ADD, wakeUp, EPOLLIN.rawValue, generation: 0) == 0 else {
            return nil
        }
    }

    deinit { if descriptor >= 0 { Glibc.close(descriptor) } }

    func watch(_ socket: Int32, reads: Bool, writes: Bool, for lane: Lane) {
        guard socket >= 0 else { return }
        let index = Int(socket)
        if index >= slots.count { slots += Array(repeating: Slot(), count: max(64, index + 1 - slots.count)) }
        // A socket that is left alone reports its end once. Without EPOLLONESHOT it would report it again and again.
        let wanted = (reads ? EPOLLIN.rawValue : 0) | (writes ? EPOLLOUT.rawValue : 0)
        let events = wanted == 0 ? EPOLLONESHOT.rawValue : wanted
        let isNew = slots[index].lane !== lane
        if isNew {
            slots[index].lane = lane
            slots[index].generation &+= 1
        } else if slots[index].events == events {
            return
        }
        if slots[index].isAtRest { restingCount -= 1 }
        if slots[index].isAtRest || slots[index].events == 0 { socketCount += 1 }
        slots[index].isAtRest = false
        slots[index].events = events
        let generation = slots[index].generation
        // The kernel forgets a closed socket by itself, so our view of its set may be out of date.
        if control(isNew ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, events, generation: generation) != 0 {
            _ = control(errno == EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, events, generation: generation)
        }
    }

    /// Called when libcurl no longer waits for the socket: it closes the socket, or keeps the connection for later.
    func rest(_ socket: Int32) {
        let index = Int(socket)
        guard slots.indices.contains(index), slots[index].lane != nil, !slots[index].isAtRest else { return }
        slots[index].isAtRest = true
        slots[index].events = EPOLLRDHUP.rawValue | EPOLLONESHOT.rawValue
        socketCount -= 1
        restingCount += 1
        // This fails if libcurl has closed the socket already, which does no harm.
        _ = control(EPOLL_CTL_MOD, socket, slots[index].events, generation: slots[index].generation)
    }

    /// Called when a lane goes away with its sockets closed. No event may reach it any more.
    func forgetAll(of lane: Lane) {
        for index in slots.indices where slots[index].lane === lane {
            if slots[index].isAtRest { restingCount -= 1 } else { socketCount -= 1 }
            slots[index] = Slot(generation: slots[index].generation &+ 1)
        }
    }

    /// Waits until something happens or the time is over (nil: without end), then calls `handle` for each socket.
    /// Returns whether the engine was woken.
    func wait(milliseconds: Int32?, awake: () -> Void, handle: (Lane, Event) -> Void) -> Bool {
        // EINTR and failures give no events, and the caller's loop tries again.
        let count = Int(epoll_wait(descriptor, &fetched, Int32(fetched.count), milliseconds ?? -1))
        awake()
        guard count > 0 else { return false }
        var wasWoken = false
        for index in 0..<count {
            let event = fetched[index]
            let socket = Int32(truncatingIfNeeded: event.data.u64 & 0xffff_ffff)
            guard socket != wakeUp else {
                wasWoken = true
                continue
            }
            // `handle` changes the table, so each event looks its slot up again.
            guard slots.indices.contains(Int(socket)), let lane = slots[Int(socket)].lane,
                slots[Int(socket)].generation == UInt32(event.data.u64 >> 32)
            else { continue }
            handle(
                lane,
                Event(
                    socket: socket, isReadable: event.events & (EPOLLIN.rawValue | EPOLLHUP.rawValue) != 0,
                    isWritable: event.events & EPOLLOUT.rawValue != 0,
                    hasFailed: event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0,
                    isAtRest: slots[Int(socket)].isAtRest))
        }
        return wasWoken
    }

    private func control(_ operation: Int32, _ socket: Int32, _ events: UInt32, generation: UInt32) -> Int32 {
        var event = epoll_event(
            events: events, data: epoll_data_t(u64: UInt64(generation) << 32 | UInt64(UInt32(bitPattern: socket))))
        return epoll_ctl(descriptor, operation, socket, &event)
    }
}
