import CCurl
import Glibc
import Support

/// The commands of other threads to the engine's thread, in order.
enum Command: Sendable {
    case register(ClientIdentity)
    case unregister(ClientIdentity)
    case start(Exchange)
    case cancel(Exchange)
    /// The reader of a stream has room again.
    case resume(Exchange)
    case report(@Sendable (HTTPEngine.Statistics) -> Void)
    case stop
}

/// Commands under a lock and an eventfd that wakes the engine.
///
/// Everything that may post or wait holds a reference, and the last reference closes the descriptor. So, in any order
/// of a shutdown, a wake-up never hits a closed descriptor, or one that the system has given to another file.
final class Mailbox: Sendable {
    private struct State {
        var commands: [Command] = []
        var isOpen = true
        /// Only a sleeping engine needs the system call.
        var isAsleep = false
    }
    private let state = Locked(State())
    /// It is readable when the engine was woken. -1 if the system gave no descriptor; then the mailbox was never open.
    let descriptor: Int32

    init() {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        if descriptor < 0 { state.withLock { $0.isOpen = false } }
    }

    deinit { if descriptor >= 0 { Glibc.close(descriptor) } }

    /// False once the engine has stopped: the command is dropped.
    func post(_ command: Command) -> Bool {
        let (isAccepted, mustWake) = state.withLock { state in
            guard state.isOpen else { return (false, false) }
            state.commands.append(command)
            defer { state.isAsleep = false }
            return (true, state.isAsleep)
        }
        if mustWake { eventfd_write(descriptor, 1) }
        return isAccepted
    }

    // MARK: The engine's side

    func take() -> [Command] {
        state.withLock { state in
            state.isAsleep = false
            guard !state.commands.isEmpty else { return [] }
            let commands = state.commands
            state.commands = []
            return commands
        }
    }

    /// True if nothing waits. From then on a post wakes the engine.
    func fallsAsleep() -> Bool {
        state.withLock { state in
            state.isAsleep = state.commands.isEmpty
            return state.isAsleep
        }
    }

    func clearWakeUp() {
        var count: eventfd_t = 0
        eventfd_read(descriptor, &count)
    }

    /// Refuses further commands, and returns those that are left.
    func close() -> [Command] {
        state.withLock { state in
            state.isOpen = false
            let commands = state.commands
            state.commands = []
            return commands
        }
    }
}
