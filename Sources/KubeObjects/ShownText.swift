import Support

// Text from a peer goes into messages and statuses. People read these on a terminal, and they have limits of their own.
extension String {
    /// The text without control and formatting characters, cut to `limit` characters. With `keepsLines` line breaks
    /// stay.
    package func shown(limit: Int, keepsLines: Bool = false) -> String {
        var result = String.UnicodeScalarView()
        for (count, scalar) in unicodeScalars.enumerated() {
            if count == limit {
                result.removeLast()
                return String(result) + "…"
            }
            switch scalar.properties.generalCategory {
            case .control where !(keepsLines && scalar == "\n"), .format, .lineSeparator, .paragraphSeparator,
                .privateUse, .unassigned:
                result.append("\u{FFFD}")
            default: result.append(scalar)
            }
        }
        return String(result)
    }

    /// The same on one line, in at most `bytes` bytes.
    package func shown(bytes: Int) -> String { shown(limit: bytes).cut(toBytes: bytes) }
}
