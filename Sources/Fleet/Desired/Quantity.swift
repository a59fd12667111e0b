import JSON

/// An amount of a resource in the text that an API server stores: `4` and `4000m` become "4", `1.5Gi` becomes "1536Mi".
///
/// It follows apimachinery's `resource.Quantity` and the defaults of a list of resources. The kind of suffix (binary or
/// decimal) stays. The number is an integer with the largest suffix that keeps it an integer. Amounts finer than a
/// thousandth are rounded up.
struct Quantity: Hashable {
    let text: String

    /// Nil if the value is not an amount, if a server mostly stores its form unchanged (`1e3`, `+5`, `007`), or if it
    /// has more digits than are handled here. Such values are left alone.
    init?(_ value: JSON) {
        switch value {
        case .int(let number): self.init("\(number)")
        case .double(let number): self.init("\(number)")
        case .string(let text): self.init(text)
        default: return nil
        }
    }

    init?(_ text: String) {
        guard let parts = Parts(text) else { return nil }
        if parts.mantissa == 0 {
            self.text = "0"
            return
        }
        if parts.isKept {
            self.text = text
            return
        }
        let stored =
            switch parts.suffix {
            case .binary(let power): Self.binary(parts, power)
            case .decimal(let exponent): Self.decimal(parts, exponent)
            }
        guard let stored else { return nil }
        self.text = stored
    }

    fileprivate enum Suffix {
        /// A power of 1024.
        case binary(Int)
        /// An exponent of 10.
        case decimal(Int)
    }

    /// The amount is mantissa / 10^fractionDigits, times the suffix.
    private struct Parts {
        var mantissa: Int128 = 0
        var fractionDigits = 0
        var suffix = Suffix.decimal(0)
        /// A server considers the text the shortest form and doesn't change it: `1.500`, but neither `1.5` nor `1.000`.
        var isKept = false

        init?(_ text: String) {
            let number = text.prefix { $0.isASCII && $0.isNumber || $0 == "." }
            let halves = number.split(separator: ".", omittingEmptySubsequences: false)
            guard let whole = halves.first, halves.count <= 2, !number.isEmpty, number.last != ".",
                whole.count == 1 || whole.first != "0",
                let suffix = Suffix.named(text[number.endIndex...])
            else { return nil }
            let fraction = halves.count == 2 ? halves[1] : ""
            // 10^18 · 1024^6 fits into 127 bits.
            guard whole.utf8.count + fraction.utf8.count <= 18, let mantissa = Int128(whole + fraction) else {
                return nil
            }
            (self.mantissa, fractionDigits, self.suffix) = (mantissa, fraction.utf8.count, suffix)
            if case .decimal(let exponent) = suffix {
                let scale = exponent - fractionDigits
                isKept =
                    scale % 3 == 0 && scale >= -3 && whole.first ?? "0" != "0"
                    && !(whole + fraction).hasSuffix("000")
            }
        }
    }

    fileprivate static let binarySuffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
    fileprivate static let decimalSuffixes = [
        -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E",
    ]

    private static func decimal(_ parts: Parts, _ exponent: Int) -> String? {
        var (number, exponent) = (parts.mantissa, exponent - parts.fractionDigits)
        while exponent < -3 {
            number = number / 10 + (number % 10 == 0 ? 0 : 1)
            exponent += 1
        }
        while number % 10 == 0 { (number, exponent) = (number / 10, exponent + 1) }
        while exponent % 3 != 0 { (number, exponent) = (number * 10, exponent - 1) }
        return decimalSuffixes[exponent].map { "\(number)\($0)" }
    }

    private static func binary(_ parts: Parts, _ power: Int) -> String? {
        let value = (0..<power).reduce(parts.mantissa) { value, _ in value * 1024 }
        let divisor = (0..<parts.fractionDigits).reduce(Int128(1)) { value, _ in value * 10 }
        guard value <= Int128(Int64.max) * divisor else { return nil }
        // Amounts below one of the smallest suffix, and fractions, are written as decimals.
        guard value >= 1024 * divisor, value % divisor == 0 else {
            var parts = parts
            parts.mantissa = value
            return decimal(parts, 0)
        }
        var (number, suffix) = (value / divisor, 0)
        while number % 1024 == 0, suffix < binarySuffixes.count - 1 { (number, suffix) = (number / 1024, suffix + 1) }
        return "\(number)\(binarySuffixes[suffix])"
    }
}

extension Quantity.Suffix {
    fileprivate static func named(_ text: Substring) -> Self? {
        if let power = Quantity.binarySuffixes.firstIndex(of: String(text)), power > 0 { return .binary(power) }
        let exponent = Quantity.decimalSuffixes.first { $0.value == text }?.key ?? ["n": -9, "u": -6][text]
        return exponent.map { .decimal($0) }
    }
}

extension Quantity {
    /// The amount as a number for comparisons. Nil if the text is not an amount, or if the amount is negative.
    static func value(_ text: String) -> Double? {
        guard let parts = Parts(text) else {
            // An API server also accepts `1e3` and `+5`.
            let isPlain = text.utf8.allSatisfy { #"0123456789.eE+-"#.utf8.contains($0) }
            guard isPlain, let number = Double(text), number.isFinite, number >= 0 else { return nil }
            return number
        }
        func power(_ base: Double, _ exponent: Int) -> Double {
            (0..<abs(exponent)).reduce(1) { value, _ in exponent < 0 ? value / base : value * base }
        }
        let number = Double(parts.mantissa) * power(10, -parts.fractionDigits)
        switch parts.suffix {
        case .binary(let exponent): return number * power(1024, exponent)
        case .decimal(let exponent): return number * power(10, exponent)
        }
    }
}
