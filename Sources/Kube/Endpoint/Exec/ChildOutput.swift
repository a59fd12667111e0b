import Support

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Runs a program to its end and takes its output, bounded in time and in bytes.
struct ChildOutput: Sendable {
    enum Failure: Error, Sendable {
        case notFound
        case notStarted(Int32)
        case timedOut
        case tooLong
    }
    var output: [UInt8]
    /// 128 and the signal's number after a signal, as in a shell.
    var exitCode: Int32

    struct Command: Sendable {
        /// A path, or a name that is looked for in PATH.
        var program: String
        var arguments: [String]
        var environment: [String: String]
        /// Whether it may read this process's standard input. Otherwise its standard input is empty.
        var inheritsInput: Bool
        var limit: Duration
        var maximumOutput = 1 << 20
        /// The limit for standard error, which is passed on as it comes. The rest is dropped.
        var maximumErrors = 64 << 10
    }

    /// Runs on a thread of its own, since it waits: the threads of Swift's tasks must not.
    ///
    /// - Parameter onError: gets what the program writes to standard error, in pieces.
    static func run(
        _ command: Command, onError: @escaping @Sendable ([UInt8]) -> Void
    ) async throws(Failure) -> ChildOutput {
        let result: Result<ChildOutput, Failure> = await withCheckedContinuation { continuation in
            let work = Unmanaged.passRetained(
                ThreadWork { continuation.resume(returning: Running.run(command, onError: onError)) })
            #if canImport(Glibc)
                var thread = pthread_t()
            #else
                var thread: pthread_t?
            #endif
            let code = pthread_create(&thread, nil, threadMain, work.toOpaque())
            guard code == 0 else {
                work.release()
                continuation.resume(returning: .failure(.notStarted(code)))
                return
            }
            #if canImport(Glibc)
                pthread_detach(thread)
            #else
                if let thread { pthread_detach(thread) }
            #endif
        }
        return try result.get()
    }
}

private final class ThreadWork: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

private func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let argument { Unmanaged<ThreadWork>.fromOpaque(argument).takeRetainedValue().body() }
    return nil
}

/// A running program, on the thread that waits for it.
private struct Running {
    let command: ChildOutput.Command
    let process: pid_t
    let output: Int32
    let errors: Int32

    static func run(
        _ command: ChildOutput.Command, onError: (([UInt8]) -> Void)
    ) -> Result<ChildOutput, ChildOutput.Failure> {
        do throws(ChildOutput.Failure) {
            return .success(try Running(command).collect(onError))
        } catch {
            return .failure(error)
        }
    }

    private init(_ command: ChildOutput.Command) throws(ChildOutput.Failure) {
        self.command = command
        let outputPipe = try Self.pipe()
        let errorPipe: (read: Int32, write: Int32)
        do throws(ChildOutput.Failure) {
            errorPipe = try Self.pipe()
        } catch {
            close(outputPipe.read)
            close(outputPipe.write)
            throw error
        }
        defer {
            close(outputPipe.write)
            close(errorPipe.write)
        }
        (output, errors) = (outputPipe.read, errorPipe.read)
        do throws(ChildOutput.Failure) {
            process = try Self.spawn(command, output: outputPipe.write, errors: errorPipe.write)
        } catch {
            close(outputPipe.read)
            close(errorPipe.read)
            throw error
        }
    }

    /// A program that is started gets neither end: only what `spawn` puts on 1 and 2 stays open there.
    private static func pipe() throws(ChildOutput.Failure) -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        guard makePipe(&ends) == 0 else { throw .notStarted(errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    private static func spawn(
        _ command: ChildOutput.Command, output: Int32, errors: Int32
    ) throws(ChildOutput.Failure) -> pid_t {
        #if canImport(Glibc)
            var actions = posix_spawn_file_actions_t()
            var attributes = posix_spawnattr_t()
        #else
            var actions: posix_spawn_file_actions_t?
            var attributes: posix_spawnattr_t?
        #endif
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if !command.inheritsInput { posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) }
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, errors, 2)
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The program gets a process group of its own, so that its children end with it. It gets none if it may read
        // from the terminal: a terminal stops readers outside of the foreground group.
        if !command.inheritsInput {
            posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
            posix_spawnattr_setpgroup(&attributes, 0)
        }
        var arguments: [UnsafeMutablePointer<CChar>?] =
            ([command.program] + command.arguments).map { strdup($0) } + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] =
            command.environment.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in arguments + environment { free(text) } }
        var process: pid_t = 0
        let code = posix_spawnp(&process, command.program, &actions, &attributes, &arguments, &environment)
        if code == ENOENT { throw .notFound }
        guard code == 0 else { throw .notStarted(code) }
        return process
    }

    /// Reads both pipes to their ends, but no longer than the limit: a grandchild may hold them open for ever.
    private func collect(_ onError: ([UInt8]) -> Void) throws(ChildOutput.Failure) -> ChildOutput {
        defer {
            close(output)
            close(errors)
        }
        let end = ContinuousClock.now + command.limit
        var text: [UInt8] = []
        var errorCount = 0
        var isOpen = (output: true, errors: true)
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        defer { buffer.wipe() }
        while isOpen.output || isOpen.errors {
            var sets = [
                pollfd(fd: isOpen.output ? output : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isOpen.errors ? errors : -1, events: Int16(POLLIN), revents: 0),
            ]
            let rest = (end - ContinuousClock.now).components
            let wait = rest.seconds * 1000 + rest.attoseconds / 1_000_000_000_000_000
            guard wait > 0 else { throw stop(.timedOut, &text) }
            // It waits at most a second at a time, so that a long limit can't overflow.
            if poll(&sets, 2, Int32(min(wait + 1, 1000))) <= 0 { continue }
            if sets[0].revents != 0 {
                let count = read(output, &buffer, buffer.count)
                if count > 0 {
                    guard text.count + count <= command.maximumOutput else { throw stop(.tooLong, &text) }
                    text.growWiping(by: count)
                    text += buffer[..<count]
                } else if count == 0 || errno != EINTR {
                    isOpen.output = false
                }
            }
            if sets[1].revents != 0 {
                let count = read(errors, &buffer, buffer.count)
                if count > 0 {
                    let shown = min(count, command.maximumErrors - errorCount)
                    if shown > 0 { onError(Array(buffer[..<shown])) }
                    errorCount += max(shown, 0)
                } else if count == 0 || errno != EINTR {
                    isOpen.errors = false
                }
            }
        }
        guard let code = wait(until: end) else { throw stop(.timedOut, &text) }
        return ChildOutput(output: text, exitCode: code)
    }

    /// Nil if it has not ended by then.
    private func wait(until end: ContinuousClock.Instant) -> Int32? {
        while true {
            var status: Int32 = 0
            let found = waitpid(process, &status, WNOHANG)
            if found == process { return Self.exitCode(status) }
            if found < 0, errno != EINTR { return Self.exitCode(0) }  // somebody else has reaped it
            guard ContinuousClock.now < end else { return nil }
            poll(nil, 0, 5)
        }
    }

    /// The same as `WIFEXITED` and its like, which are macros that Swift can't see.
    private static func exitCode(_ status: Int32) -> Int32 {
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal
    }

    private func stop(_ failure: ChildOutput.Failure, _ text: inout [UInt8]) -> ChildOutput.Failure {
        text.wipe()
        kill(command.inheritsInput ? process : -process, SIGKILL)
        while waitpid(process, nil, 0) < 0, errno == EINTR {}
        return failure
    }
}

// Inside of `Running` this name is the method's.
private func makePipe(_ ends: inout [Int32]) -> Int32 { pipe(&ends) }
