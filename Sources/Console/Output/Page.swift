/// A page of text for people. All text goes through `Span`, which removes every control character, so an object's
/// message can't move the cursor or forge a line.
public struct Page: Sendable {
    private var lines: [String] = []
    private let hasColors: Bool

    public init(hasColors: Bool = false) { self.hasColors = hasColors }

    /// Ends with a line break. Empty for a page without lines.
    public var text: String { lines.map { $0 + "\n" }.joined() }

    public mutating func line(_ spans: Span...) { lines.append(spans.map(painted).joined()) }

    /// One line for each line of a text.
    public mutating func paragraph(_ text: String, indent: Int = 0) {
        for part in text.split(separator: "\n", omittingEmptySubsequences: false) {
            lines.append(String(repeating: " ", count: indent) + Span(String(part)).shown)
        }
    }

    /// Does nothing at the top of the page and after another blank line.
    public mutating func blank() { if let last = lines.last, !last.isEmpty { lines.append("") } }

    /// Columns as wide as their widest cell, with two blanks between them. The last column is not padded.
    public mutating func table(_ header: [String], _ rows: [[Span]], indent: Int = 0) {
        let all = (header.isEmpty ? [] : [header.map { Span($0, .dim) }]) + rows
        let columns = all.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in all.map { $0.count > column ? $0[column].shown.count : 0 }.max() ?? 0
        }
        for row in all {
            var line = String(repeating: " ", count: indent)
            for (column, cell) in row.enumerated() {
                line += painted(cell)
                guard row[(column + 1)...].contains(where: { !$0.shown.isEmpty }) else { break }
                line += String(repeating: " ", count: widths[column] - cell.shown.count + 2)
            }
            lines.append(line)
        }
    }

    private func painted(_ span: Span) -> String {
        guard hasColors, let code = span.tone.code, !span.shown.isEmpty else { return span.shown }
        return "\u{1B}[\(code)m\(span.shown)\u{1B}[0m"
    }
}

/// A piece of a line.
public struct Span: Sendable, Hashable, ExpressibleByStringInterpolation {
    public enum Tone: Sendable, Hashable {
        case plain, bold, dim, good, warning, bad

        var code: String? {
            switch self {
            case .plain: nil
            case .bold: "1"
            case .dim: "2"
            case .good: "32"
            case .warning: "33"
            case .bad: "31"
            }
        }
    }
    /// A condition's message has up to 2 KB. A table shows less of it; `-o json` shows all.
    public static let limit = 240

    let shown: String
    let tone: Tone

    public init(_ text: String, _ tone: Tone = .plain, limit: Int = Span.limit) {
        shown = text.shownOnTerminal(limit: limit)
        self.tone = tone
    }
    public init(stringLiteral value: String) { self.init(value) }
}
