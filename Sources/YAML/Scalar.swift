import JSON

/// What a scalar means, as in go-yaml v2, which kubectl and the API server's clients use: YAML 1.1 with a few of 1.2's
/// forms. Timestamps stay strings.
enum Scalar {
    static func resolve(
        _ text: String, isPlain: Bool, tag: String?, at node: YAMLNode
    ) throws(YAML.Failure) -> JSON {
        switch tag {
        case nil: return isPlain ? try plain(text, at: node) : .string(text)
        case "!!null", "!!bool", "!!int", "!!float":
            let value = try plain(text, at: node)
            switch (tag, value) {
            case ("!!null", .null), ("!!bool", .bool), ("!!int", .int), ("!!float", .double): return value
            case ("!!float", .int(let number)): return .double(Double(number))
            default: throw node.failure("\"\(text)\" is not a value of the type \(tag ?? "")")
            }
        case "!!binary":
            guard let bytes = base64(text), let decoded = String(validating: bytes, as: UTF8.self) else {
                throw node.failure("a !!binary must be the base64 form of a text")
            }
            return .string(decoded)
        // `!`, `!!str` and tags without a meaning here.
        default: return .string(text)
        }
    }

    /// A plain scalar without a tag.
    private static func plain(_ text: String, at node: YAMLNode) throws(YAML.Failure) -> JSON {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE", "yes", "Yes", "YES", "y", "Y", "on", "On", "ON": return .bool(true)
        case "false", "False", "FALSE", "no", "No", "NO", "n", "N", "off", "Off", "OFF": return .bool(false)
        case ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF":
            throw node.failure("\(text) has no form in JSON")
        default: break
        }
        guard let first = text.utf8.first, "0123456789+-.".utf8.contains(first) else { return .string(text) }
        let digits = text.filter { $0 != "_" }
        if let number = integer(digits) { return number }
        guard isFloat(digits) else { return .string(text) }
        // A number that is too large for a double becomes a string, as in go-yaml.
        let number = Double(digits.hasPrefix("+") ? String(digits.dropFirst()) : digits)
        return number.map { $0.isFinite ? .double($0) : .string(text) } ?? .string(text)
    }

    /// Decimal, or with the prefix 0x, 0b, 0o or 0 (octal as well). The range is that of UInt64; a number beyond Int64
    /// becomes a double.
    private static func integer(_ text: String) -> JSON? {
        var digits = Substring(text)
        let isNegative = digits.hasPrefix("-")
        if isNegative || digits.hasPrefix("+") { digits = digits.dropFirst() }
        let prefix = digits.prefix(2).lowercased()
        var radix = 10
        switch prefix {
        case "0x": radix = 16
        case "0b": radix = 2
        case "0o": radix = 8
        default:
            if digits.count > 1, digits.hasPrefix("0") {
                radix = 8
                digits = digits.dropFirst()
            }
        }
        if prefix == "0x" || prefix == "0b" || prefix == "0o" { digits = digits.dropFirst(2) }
        // The initialisers below would accept a second sign.
        guard let first = digits.utf8.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-") else { return nil }
        if let number = Int64(isNegative ? "-\(digits)" : String(digits), radix: radix) { return .int(number) }
        if !isNegative, let number = UInt64(digits, radix: radix) { return .double(Double(number)) }
        return nil
    }

    /// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
    private static func isFloat(_ text: String) -> Bool {
        var rest = Substring(text).utf8
        func skipSign() { if let first = rest.first, first == 0x2B || first == 0x2D { rest.removeFirst() } }
        func skipDigits() -> Bool {
            let digits = rest.prefix { (0x30...0x39).contains($0) }.count
            rest.removeFirst(digits)
            return digits > 0
        }
        skipSign()
        let hasWhole = skipDigits()
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            let hasFraction = skipDigits()
            guard hasWhole || hasFraction else { return false }
        } else if !hasWhole {
            return false
        }
        if let first = rest.first, first | 0x20 == UInt8(ascii: "e") {
            rest.removeFirst()
            skipSign()
            guard skipDigits() else { return false }
        }
        return rest.isEmpty
    }

    /// Whether a reader of YAML 1.1 or 1.2 could take a plain scalar for something other than this text. In doubt the
    /// answer is yes.
    static func needsQuotes(_ text: String) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last, isLetter(first) || first == UInt8(ascii: "/")
        else { return true }
        // A colon ends a key before a space, at the end, and within [] and {} in old readers.
        guard last != UInt8(ascii: ":"), last != UInt8(ascii: " ") else { return true }
        var previous: UInt8 = 0
        for byte in text.utf8 {
            switch byte {
            case _ where isLetter(byte) || (0x30...0x39).contains(byte): break
            case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "/"), UInt8(ascii: ":"),
                UInt8(ascii: "@"), UInt8(ascii: "+"), UInt8(ascii: "="), UInt8(ascii: "("), UInt8(ascii: ")"):
                break
            case UInt8(ascii: " "): if previous == UInt8(ascii: ":") { return true }
            default: return true
            }
            previous = byte
        }
        let words: Set = ["true", "false", "yes", "no", "y", "n", "on", "off", "null", "nan", "inf", "infinity"]
        return text.utf8.count <= 8 && words.contains(text.lowercased())
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }

    private static func base64(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        var digits = 0
        var padding = 0
        for byte in text.utf8 where byte != 0x20 && byte != 0x0A && byte != 0x0D {
            let value: UInt8
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = byte - 65
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = byte - 71
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte + 4
            case UInt8(ascii: "+"): value = 62
            case UInt8(ascii: "/"): value = 63
            case UInt8(ascii: "="):
                padding += 1
                continue
            default: return nil
            }
            guard padding == 0 else { return nil }
            digits += 1
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return padding <= 2 && (digits + padding) % 4 == 0 ? bytes : nil
    }
}
