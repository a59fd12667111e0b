extension GoText {
    /// One clause of CEL's `format`.
    static func clause(_ clause: Unicode.Scalar, _ value: CELValue, _ precision: Int) throws(CELError) -> String {
        func radix(_ radix: Int, uppercase: Bool = false) throws(CELError) -> String {
            switch value {
            case .int(let number): return String(number, radix: radix, uppercase: uppercase)
            case .uint(let number): return String(number, radix: radix, uppercase: uppercase)
            case .bool(let flag) where radix == 2: return flag ? "1" : "0"
            case .string(let text) where radix == 16: return hex(Array(text.utf8), uppercase)
            case .bytes(let bytes) where radix == 16: return hex(bytes, uppercase)
            default: throw CELError("error during formatting: only integers can be formatted with %\(clause)")
            }
        }
        switch clause {
        case "s": return CELLibrary.text(value)
        case "d":
            switch value {
            case .int, .uint: return CELLibrary.text(value)
            case .double(let number) where number == number.rounded(): return CELLibrary.text(value)
            default: throw CELError("error during formatting: decimal clause can only be used on integers")
            }
        case "f", "e":
            let number: Double
            switch value {
            case .double(let double): number = double
            case .int(let int): number = Double(int)
            case .uint(let uint): number = Double(uint)
            default: throw CELError("error during formatting: fixed-point clause can only be used on doubles")
            }
            return clause == "f" ? fixed(number, precision) : scientific(number, precision)
        case "b": return try radix(2)
        case "o": return try radix(8)
        case "x": return try radix(16)
        case "X": return try radix(16, uppercase: true)
        default: throw CELError("could not parse formatting clause: unrecognized formatting clause \"\(clause)\"")
        }
    }

    private static func hex(_ bytes: [UInt8], _ uppercase: Bool) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: uppercase) }.joined()
    }

    private static func fixed(_ value: Double, _ precision: Int) -> String {
        guard value.isFinite, value.magnitude < 0x1p53 else { return number(value, exponentFrom: 400) }
        let digits = min(precision, 15)
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = (value.magnitude * scale).rounded(.toNearestOrEven)
        guard scaled < 0x1p63 else { return number(value, exponentFrom: 400) }
        var text = String(Int64(scaled))
        text = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
        let sign = value < 0 ? "-" : ""
        if digits == 0 { return sign + text }
        return sign + text.dropLast(digits) + "." + text.suffix(digits)
            + String(repeating: "0", count: precision - digits)
    }

    private static func scientific(_ value: Double, _ precision: Int) -> String {
        guard value != 0, value.isFinite else { return fixed(value, precision) + (value == 0 ? "e+00" : "") }
        var exponent = 0
        var mantissa = value.magnitude
        while mantissa >= 10 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
        while mantissa < 1 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
        let power = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
        return "\(value < 0 ? "-" : "")\(fixed(mantissa, precision))e\(exponent < 0 ? "-" : "+")\(power)"
    }
}
