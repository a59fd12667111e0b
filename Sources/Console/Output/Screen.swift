import Support

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The destination of a command's output. Whole reports go to standard output, notes and errors to standard error.
public struct Screen: Sendable {
    public var isTerminal: Bool
    public var hasColors: Bool
    private let out: @Sendable (String) -> Void
    private let error: @Sendable (String) -> Void

    public init(
        isTerminal: Bool = false, hasColors: Bool = false, out: @escaping @Sendable (String) -> Void,
        error: @escaping @Sendable (String) -> Void
    ) {
        self.isTerminal = isTerminal
        self.hasColors = hasColors
        self.out = out
        self.error = error
    }

    /// The environment variables that `process` reads.
    public static let variables = ["NO_COLOR", "TERM"]

    /// The screen of this process. Colours only on a terminal, and not if `NO_COLOR` is set (https://no-color.org).
    public static func process(environment: [String: String]) -> Screen {
        let isTerminal = isatty(STDOUT_FILENO) == 1
        return Screen(
            isTerminal: isTerminal, hasColors: isTerminal && wantsColors(environment),
            out: { writeOut($0) }, error: { writeAll($0, to: STDERR_FILENO) })
    }

    static func wantsColors(_ environment: [String: String]) -> Bool {
        (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    }

    public func show(_ report: some Report, as format: OutputFormat) -> Outcome {
        out(report.rendered(as: format, hasColors: hasColors))
        return report.outcome
    }

    /// Prints a text as it is: manifests and scripts, which are made here. A missing line break at the end is added.
    public func print(_ text: String) { out(text.hasSuffix("\n") ? text : text + "\n") }

    /// Prints a line on standard error.
    public func note(_ text: String) { error(text.shownOnTerminal(limit: 4096, keepsLines: true) + "\n") }
}

extension Screen {
    /// Why a part of what was written to standard output is lost: a full disk, for example. Nil if nothing is. A reader
    /// that has gone (`squadron status | head`) wants no more, so that loses nothing.
    public static var lostOutput: String? { lost.withLock { $0 }.map { String(cString: strerror($0)) } }
    private static let lost = Locked<Int32?>(nil)

    /// The command goes on: what it does in a cluster is not left half done because nobody can read of it.
    fileprivate static func writeOut(_ text: String) {
        guard let code = writeAll(text, to: STDOUT_FILENO), code != EPIPE else { return }
        lost.withLock { $0 = $0 ?? code }
    }
}

/// Returns the error's number if not all of it could be written.
@discardableResult
func writeAll(_ text: String, to descriptor: Int32) -> Int32? {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count >= 0 {
            rest = rest.dropFirst(count)
            continue
        }
        let code = errno
        switch code {
        case EINTR: continue
        case EAGAIN:
            // Another process made it non-blocking, and its reader is slower than we are.
            var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            _ = poll(&wanted, 1, -1)
        default: return code
        }
    }
    return nil
}
