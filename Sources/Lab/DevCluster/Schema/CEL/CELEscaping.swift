/// Property names as identifiers of CEL: `namespace` is `__namespace__`, `a-b` is `a__dash__b`.
enum CELEscaping {
    static let reserved: Set = [
        "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import",
        "let", "loop", "package", "namespace", "return", "var", "void", "while",
    ]

    /// Nil for a name that no rule can reach.
    static func escaped(_ name: String) -> String? {
        guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return nil }
        if reserved.contains(name) { return "__\(name)__" }
        var result = ""
        var rest = Array(name.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "_") where rest.first == byte:
                rest.removeFirst()
                result += "__underscores__"
            case UInt8(ascii: "."): result += "__dot__"
            case UInt8(ascii: "-"): result += "__dash__"
            case UInt8(ascii: "/"): result += "__slash__"
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: result.unicodeScalars.append(Unicode.Scalar(byte))
            default: return nil
            }
        }
        return result
    }

    /// The property's name. Nil for a text that `escaped` never gives.
    static func unescaped(_ identifier: String) -> String? {
        guard identifier.contains("__") else { return identifier }
        let words = ["underscores": "__", "dot": ".", "dash": "-", "slash": "/"]
        var result = ""
        var rest = Substring(identifier)
        while let start = Self.range(of: "__", in: rest) {
            result += rest[..<start]
            let body = rest[rest.index(start, offsetBy: 2)...]
            guard let end = Self.range(of: "__", in: body) else { return nil }
            let word = String(body[..<end])
            if let text = words[word] {
                result += text
            } else if reserved.contains(word), identifier == "__\(word)__" {
                result += word
            } else {
                return nil
            }
            rest = body[body.index(end, offsetBy: 2)...]
        }
        return result + rest
    }

    private static func range(of needle: String, in text: Substring) -> Substring.Index? {
        text.indices.first { text[$0...].hasPrefix(needle) }
    }
}
