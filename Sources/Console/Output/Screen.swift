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
            out: { writeAll($0, to: STDOUT_FILENO) }, error: { writeAll($0, to: STDERR_FILENO) })
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

private func writeAll(_ text: String, to descriptor: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return }  // its reader has gone
        rest = rest.dropFirst(count)
    }
}
