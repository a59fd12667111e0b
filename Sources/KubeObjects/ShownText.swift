import JSON
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

    /// Whether `shown` would change nothing of it.
    package func isShowable(keepsLines: Bool = false) -> Bool {
        // Most texts are ASCII.
        if utf8.allSatisfy({ (0x20..<0x7f).contains($0) || (keepsLines && $0 == 0x0a) }) { return true }
        return shown(limit: .max, keepsLines: keepsLines) == self
    }

    /// The same on one line, in at most `bytes` bytes.
    package func shown(bytes: Int) -> String { shown(limit: bytes).cut(toBytes: bytes) }
}

extension JSON {
    /// With all texts, keys included, as they may be shown; line breaks stay. For what goes into a status: what any of its
    /// texts was made from may have come from outside.
    package var shown: JSON {
        // Most texts of most statuses are plain, and stay as they are without a copy.
        if isShowable { return self }
        switch self {
        case .null, .bool, .int, .double: return self
        case .string(let text): return .string(text.shown(limit: .max, keepsLines: true))
        case .array(let elements): return .array(elements.map(\.shown))
        case .object(let members):
            var result: [String: JSON] = [:]
            for (key, value) in members {
                result[key.isShowable() ? key : key.shown(limit: .max)] = value.shown
            }
            return .object(result)
        }
    }

    private var isShowable: Bool {
        switch self {
        case .null, .bool, .int, .double: true
        case .string(let text): text.isShowable(keepsLines: true)
        case .array(let elements): elements.allSatisfy(\.isShowable)
        case .object(let members): members.allSatisfy { $0.key.isShowable() && $0.value.isShowable }
        }
    }
}
