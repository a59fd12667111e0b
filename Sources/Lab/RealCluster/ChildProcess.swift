import Support

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A program that runs beside this process and never outlives it.
///
/// Each program has a guard beside it. The guard is a shell that waits for the end of a connection that only this
/// process holds open, and then kills the program. So the program also ends if this process crashes or is killed.
/// `PR_SET_PDEATHSIG` can't be used, since it fires at the end of the *thread* that started the program.
public final class ChildProcess: Sendable {
    private enum State {
        case running(pid: pid_t, guardPID: pid_t, connection: Int32)
        case ended
    }

    let name: String
    public let logPath: String
    private let state: Locked<State>

    /// - Parameter logPath: the file for its output, which is appended if the file exists.
    public init(_ path: String, _ arguments: [String], logPath: String) throws(RealClusterError) {
        name = String(path.split(separator: "/").last ?? "")
        self.logPath = logPath
        let pid = try Self.spawn(path, arguments, input: "/dev/null", output: logPath)
        do {
            let (guardPID, connection) = try Self.startGuard(of: pid)
            state = Locked(.running(pid: pid, guardPID: guardPID, connection: connection))
        } catch {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
            throw error
        }
        LivingProcesses.shared.add(self)
    }

    deinit { end() }

    /// Nil once it has ended.
    public var pid: pid_t? {
        state.withLock { state in
            guard case .running(let pid, _, _) = state else { return nil }
            return pid
        }
    }

    /// Whether it runs. False also if it ended by itself.
    public var isRunning: Bool { pid != nil && ending == nil }

    /// Its exit code, if it ended by itself. Nil while it runs, after a signal and after `end`.
    public var exitCode: Int32? {
        ending.flatMap { $0.si_code == CLD_EXITED ? $0._sifields._sigchld.si_status : nil }
    }

    /// How it ended by itself. This looks without reaping; `end` reaps. Until then no other process can get its number.
    private var ending: siginfo_t? {
        guard let pid else { return nil }
        var information = siginfo_t()
        let hasEnded =
            waitid(P_PID, id_t(pid), &information, WEXITED | WNOHANG | WNOWAIT) != 0 || information.si_signo != 0
        return hasEnded ? information : nil
    }

    public func signal(_ number: Int32) { if let pid { kill(pid, number) } }

    /// Kills it and returns when it is gone (some milliseconds). Harmless when repeated.
    public func end() {
        let before = state.withLock { state in
            defer { state = .ended }
            return state
        }
        guard case .running(let pid, let guardPID, let connection) = before else { return }
        // The guard goes first, since it must not kill a process number that has another owner by then.
        kill(guardPID, SIGKILL)
        Self.reap(guardPID)
        close(connection)
        kill(pid, SIGKILL)
        Self.reap(pid)
        LivingProcesses.shared.remove(self)
    }

    /// The last lines that it printed.
    func logTail(lines: Int = 12) -> String {
        guard let file = fopen(logPath, "r") else { return "" }
        defer { fclose(file) }
        fseek(file, 0, SEEK_END)
        fseek(file, max(0, ftell(file) - 8_192), SEEK_SET)
        var bytes = [UInt8](repeating: 0, count: 8_192)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n").suffix(lines)
            .joined(separator: "\n")
    }

    private static func reap(_ pid: pid_t) {
        while waitpid(pid, nil, 0) == -1, errno == EINTR {}
    }

    private static func startGuard(of pid: pid_t) throws(RealClusterError) -> (pid_t, Int32) {
        var ends: [Int32] = [0, 0]
        // The socket is closed on exec, since no other child may hold the write end open.
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw .system(call: "socketpair", code: errno) }
        defer { close(ends[0]) }
        do {
            let guardPID = try spawn(
                "/bin/sh", ["-c", "read -r _; kill -9 \(pid)"], input: "/dev/null", output: "/dev/null",
                inputDescriptor: ends[0])
            return (guardPID, ends[1])
        } catch {
            close(ends[1])
            throw error
        }
    }

    /// `posix_spawn_file_actions_addclosefrom_np` (glibc 2.34), which Swift's Glibc module doesn't show.
    private static func closeFrom(
        _ first: Int32, _ actions: UnsafeMutablePointer<posix_spawn_file_actions_t>
    ) throws(RealClusterError) {
        typealias Function = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32
        let name = "posix_spawn_file_actions_addclosefrom_np"
        guard let symbol = dlsym(nil, name) else { throw .failed("the C library has no \(name)") }
        let code = unsafeBitCast(symbol, to: Function.self)(actions, first)
        guard code == 0 else { throw .system(call: name, code: code) }
    }

    private static func spawn(
        _ path: String, _ arguments: [String], input: String, output: String, inputDescriptor: Int32? = nil
    ) throws(RealClusterError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let inputDescriptor {
            posix_spawn_file_actions_adddup2(&actions, inputDescriptor, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        }
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // Some libraries open sockets that a new program inherits. A listening socket of a test's server would live on
        // in the program.
        try closeFrom(3, &actions)
        // The program has its own group: a Ctrl-C in the terminal ends the test, and then the guard ends the program.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        posix_spawnattr_setpgroup(&attributes, 0)

        var strings: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        defer { for string in strings { free(string) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, path, &actions, &attributes, &strings, environ)
        guard code == 0 else { throw .system(call: "starting \(path)", code: code) }
        return pid
    }
}

/// Ends all programs that still run at the exit of this process.
private final class LivingProcesses: Sendable {
    static let shared = LivingProcesses()
    private struct Weak { weak var process: ChildProcess? }
    private let living = Locked<[ObjectIdentifier: Weak]>([:])

    private init() {
        atexit { LivingProcesses.shared.endAll() }
    }

    func add(_ process: ChildProcess) { living.withLock { $0[ObjectIdentifier(process)] = Weak(process: process) } }
    func remove(_ process: ChildProcess) { living.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(process)) } }

    private func endAll() {
        let processes = living.withLock { $0.values.compactMap(\.process) }
        for process in processes { process.end() }
    }
}
