import Support

// What a peer wrote ends up in messages and statuses, which people read on a terminal and which have limits of their own.
extension String {
    /// Without control and formatting characters, cut to so many characters. `keepsLines`: line breaks may stay.
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

    /// The same on one line, in at most so many bytes.
    package func shown(bytes: Int) -> String { shown(limit: bytes).cut(toBytes: bytes) }
}
