#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Where a command's output goes. Reports go to standard output whole; notes and errors go to standard error.
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

    /// The variables that `process` goes by.
    public static let variables = ["NO_COLOR", "TERM"]

    /// This process's own. Colours only on a terminal, and not where `NO_COLOR` says so (https://no-color.org).
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

    /// As it is: manifests and scripts, which are made here. A line break is added where there is none at the end.
    public func print(_ text: String) { out(text.hasSuffix("\n") ? text : text + "\n") }

    /// A line on standard error.
    public func note(_ text: String) { error(text.shownOnTerminal(limit: 4096, keepsLines: true) + "\n") }
}

private func writeAll(_ text: String, to descriptor: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return }  // nobody reads it any more
        rest = rest.dropFirst(count)
    }
}
