import JSON

/// Texts as Go's `fmt`, `strconv` and `encoding/json` print them, since the API server's messages consist of them.
enum GoText {
    /// `strconv.Quote`, `%q`.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{07}": result += "\\a"
            case "\u{08}": result += "\\b"
            case "\u{0C}": result += "\\f"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{0B}": result += "\\v"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F: result += "\\x" + hex(scalar.value, 2)
            case _ where isPrintable(scalar): result.unicodeScalars.append(scalar)
            default:
                result += scalar.value > 0xFFFF ? "\\U" + hex(scalar.value, 8) : "\\u" + hex(scalar.value, 4)
            }
        }
        return result + "\""
    }

    /// `%v` of a float64: shortest, with an exponent below 1e-4 and from 1e21 on.
    static func number(_ value: Double) -> String { number(value, exponentFrom: 21) }

    /// `strconv.FormatFloat(v, 'g', -1, 64)`-like with its own threshold: `exponentFrom` digits before the point.
    static func number(_ value: Double, exponentFrom: Int) -> String {
        guard value.isFinite else { return value.isNaN ? "NaN" : value < 0 ? "-Inf" : "+Inf" }
        guard value != 0 else { return value.sign == .minus ? "-0" : "0" }
        // Swift prints the same shortest digits. Only their layout differs.
        let parts = value.magnitude.description.split(separator: "e")
        let mantissa = parts[0].split(separator: ".")
        var exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        let fraction = mantissa.count > 1 && mantissa[1] != "0" ? mantissa[1] : ""
        var digits = String(mantissa[0]) + fraction
        exponent += mantissa[0].count - 1
        while digits.hasPrefix("0"), digits.count > 1 {
            digits.removeFirst()
            exponent -= 1
        }
        while digits.hasSuffix("0"), digits.count > 1 { digits.removeLast() }
        let sign = value < 0 ? "-" : ""
        if exponent < -4 || exponent >= exponentFrom {
            let rest = digits.dropFirst()
            let power = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
            return "\(sign)\(digits.prefix(1))\(rest.isEmpty ? "" : ".")\(rest)e\(exponent < 0 ? "-" : "+")\(power)"
        }
        if exponent < 0 { return sign + "0." + String(repeating: "0", count: -exponent - 1) + digits }
        if digits.count <= exponent + 1 {
            return sign + digits + String(repeating: "0", count: exponent + 1 - digits.count)
        }
        return "\(sign)\(digits.prefix(exponent + 1)).\(digits.dropFirst(exponent + 1))"
    }

    /// A rejected value, as `field.Error` shows it.
    static func badValue(_ value: JSON) -> String {
        switch value {
        case .string(let text): quoted(text)
        case .double(let number): self.number(number)
        default: json(value)
        }
    }

    /// `%v` of what Go decodes JSON into: `map[data:map[six:7]]`.
    static func decoded(_ value: JSON) -> String {
        switch value {
        case .null: "<nil>"
        case .bool(let flag): "\(flag)"
        case .int(let number): String(number)
        case .double(let number): self.number(number)
        case .string(let text): text
        case .array(let elements): "[\(elements.map(decoded).joined(separator: " "))]"
        case .object(let members):
            "map[\(members.sorted { $0.key < $1.key }.map { "\($0.key):\(decoded($0.value))" }.joined(separator: " "))]"
        }
    }

    /// `%T` of what Go decodes JSON into.
    static func type(_ value: JSON) -> String {
        switch value {
        case .null: "<nil>"
        case .bool: "bool"
        case .int: "int64"
        case .double: "float64"
        case .string: "string"
        case .array: "[]interface {}"
        case .object: "map[string]interface {}"
        }
    }

    /// `%#v` of what Go decodes JSON into: `[]interface {}{"a", 1}`.
    static func syntax(_ value: JSON) -> String {
        switch value {
        case .string(let text): quoted(text)
        case .array(let elements): "\(type(value)){\(elements.map(syntax).joined(separator: ", "))}"
        case .object(let members):
            "\(type(value)){\(members.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(syntax($0.value))" }.joined(separator: ", "))}"
        case .null, .bool, .int, .double: decoded(value)
        }
    }

    /// `json.Marshal`: like our JSON, but safe within HTML.
    static func json(_ value: JSON) -> String {
        var text = ""
        for scalar in value.serializedString.unicodeScalars {
            switch scalar {
            case "<", ">", "&", "\u{2028}", "\u{2029}": text += "\\u" + hex(scalar.value, 4)
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    private static func hex(_ value: UInt32, _ width: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return true }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            return false
        default: return true
        }
    }
}
