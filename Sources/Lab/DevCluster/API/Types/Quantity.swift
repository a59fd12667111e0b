/// `resource.Quantity`: an amount with a suffix, in the form in which Go writes it again.
///
/// A text that is canonical enough stays as it was sent ("1500Mi", "01", "1e3"). Others are rewritten ("1000m" is "1").
struct Quantity: Sendable {
    /// Why a text is not a quantity.
    enum Malformed: String, Error {
        case format =
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        case suffix = "unable to parse quantity's suffix"
    }
    private enum Form { case decimal, exponent, binary }

    /// An amount that is absent: Go's zero value.
    static let zero = "0"

    /// The amount as a list of resources (`hard`, `limits`, …) keeps it: with a precision of a thousandth, rounded up.
    let text: String

    init(_ text: String) throws(Malformed) {
        if text.isEmpty { throw .format }
        let parts = try Parts(text)
        let (base, exponent, form) = try Self.interpret(parts.suffix)
        let digits = parts.whole + parts.fraction
        if digits.allSatisfy({ $0 == "0" }) {
            self.text = Self.zero
            return
        }
        if base == 10 {
            let scale = exponent - parts.fraction.count
            let isShort = digits.count <= 18 && scale >= -9
            let isCanonical = scale % 3 == 0 && !digits.hasSuffix("000") && digits.first != "0"
            if isShort, isCanonical, scale >= -3 {
                self.text = text
            } else {
                self.text = Self.decimal(parts.isNegative, digits, scale, form)
            }
            return
        }
        let isShort = parts.fraction.isEmpty && 15 - parts.whole.count - exponent * 3 / 10 - 1 >= 0
        if isShort, let value = Int64(parts.whole), value & 7 != 0 {
            self.text = text
        } else {
            self.text = Self.binary(parts, exponent)
        }
    }

    private static func interpret(_ suffix: Substring) throws(Malformed) -> (base: Int, exponent: Int, Form) {
        if let exponent = decimalSuffixes.first(where: { $0.value == suffix })?.key { return (10, exponent, .decimal) }
        if let index = binarySuffixes.firstIndex(of: String(suffix)), index > 0 { return (2, index * 10, .binary) }
        // Go allows an exponent of int32. We allow less, since the written number must fit into memory.
        if let first = suffix.first, first == "e" || first == "E", let exponent = Int(suffix.dropFirst()),
            abs(exponent) <= 1_000
        {
            return (10, exponent, .exponent)
        }
        throw .suffix
    }

    private static let decimalSuffixes = [
        -9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E",
    ]
    private static let binarySuffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]

    /// `digits` × 10^`scale`, to a thousandth, with an exponent that is a multiple of three.
    private static func decimal(_ isNegative: Bool, _ digits: String, _ scale: Int, _ form: Form) -> String {
        var (digits, scale) = (Array(digits.utf8), scale)
        if scale < -3 {
            let cut = digits.suffix(-3 - scale)
            let isExact = cut.allSatisfy { $0 == UInt8(ascii: "0") }
            digits.removeLast(cut.count)
            if !isExact { increment(&digits) }
            scale = -3
        }
        while digits.count > 1, digits.last == UInt8(ascii: "0") {
            digits.removeLast()
            scale += 1
        }
        while digits.count > 1, digits.first == UInt8(ascii: "0") { digits.removeFirst() }
        while scale % 3 != 0 {
            digits.append(UInt8(ascii: "0"))
            scale -= 1
        }
        let suffix = form == .exponent ? (scale == 0 ? "" : "e\(scale)") : decimalSuffixes[scale] ?? ""
        return (isNegative ? "-" : "") + String(decoding: digits, as: UTF8.self) + suffix
    }

    private static func increment(_ digits: inout [UInt8]) {
        for index in digits.indices.reversed() {
            if digits[index] < UInt8(ascii: "9") {
                digits[index] += 1
                return
            }
            digits[index] = UInt8(ascii: "0")
        }
        digits.insert(UInt8(ascii: "1"), at: 0)
    }

    /// Whole numbers are written in powers of 1024, others and small ones decimal. The result is at most an Int64.
    private static func binary(_ parts: Parts, _ exponent: Int) -> String {
        let most = Int128(Int64.max)
        var value = Int128(0)
        for digit in parts.whole.utf8 { value = min(value * 10 + Int128(digit - UInt8(ascii: "0")), most) }
        var fraction = Array(parts.fraction.utf8)
        for _ in 0..<exponent {
            var carry: UInt8 = 0
            for index in fraction.indices.reversed() {
                let doubled = (fraction[index] - UInt8(ascii: "0")) * 2 + carry
                fraction[index] = UInt8(ascii: "0") + doubled % 10
                carry = doubled / 10
            }
            value = min(value * 2 + Int128(carry), most)
        }
        let isWhole = value == most || fraction.allSatisfy { $0 == UInt8(ascii: "0") }
        if !isWhole {
            return decimal(
                parts.isNegative, "\(value)" + String(decoding: fraction, as: UTF8.self), -fraction.count, .decimal)
        }
        if value < 1024 { return decimal(parts.isNegative, "\(value)", 0, .decimal) }
        var steps = 0
        while value % 1024 == 0, steps < binarySuffixes.count - 1 {
            value /= 1024
            steps += 1
        }
        return (parts.isNegative ? "-" : "") + "\(value)" + binarySuffixes[steps]
    }

    private struct Parts {
        var isNegative = false
        /// Without leading zeros, but at least one digit.
        var whole = ""
        var fraction = ""
        var suffix: Substring

        init(_ text: String) throws(Malformed) {
            var rest = text[...]
            func digits() -> String {
                let digits = rest.prefix { $0.isASCII && $0.isNumber }
                rest = rest.dropFirst(digits.count)
                return String(digits)
            }
            if let sign = rest.first, sign == "+" || sign == "-" {
                isNegative = sign == "-"
                rest.removeFirst()
            }
            whole = String(digits().drop { $0 == "0" })
            if whole.isEmpty { whole = "0" }
            if rest.first == "." {
                rest.removeFirst()
                fraction = digits()
            }
            suffix = rest
            rest = rest.drop { "eEinumkKMGTP".contains($0) }
            if rest.first == "+" || rest.first == "-" { rest.removeFirst() }
            _ = digits()
            guard rest.isEmpty else { throw .format }
        }
    }
}
