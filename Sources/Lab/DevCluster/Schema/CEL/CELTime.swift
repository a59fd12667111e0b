/// Durations and points in time as nanoseconds, and the texts that Go reads and writes for them.
enum CELTime {
    private static let units: [(name: String, nanoseconds: Double)] = [
        ("ns", 1), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 6e10), ("h", 3.6e12),
    ]

    /// `time.ParseDuration`: "1h2m3.5s".
    static func duration(_ text: String) -> Int64? {
        var rest = Substring(text)
        let isNegative = rest.hasPrefix("-")
        if isNegative || rest.hasPrefix("+") { rest = rest.dropFirst() }
        if rest == "0" { return 0 }
        guard !rest.isEmpty else { return nil }
        var total = 0.0
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
            guard let number = Double(digits.hasPrefix(".") ? "0" + digits : String(digits)) else { return nil }
            rest = rest.dropFirst(digits.count)
            let letters = rest.prefix { !($0.isASCII && $0.isNumber) && $0 != "." }
            guard let unit = units.first(where: { $0.name == letters }) else { return nil }
            total += number * unit.nanoseconds
            rest = rest.dropFirst(letters.count)
        }
        return Int64(exactly: (isNegative ? -total : total).rounded())
    }

    /// `string(duration)`: seconds, "90.5s".
    static func text(duration: Int64) -> String {
        GoText.number(Double(duration) / 1e9) + "s"
    }

    /// RFC 3339.
    static func timestamp(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.count <= 40, StringFormat.isValid(text, "date-time") else { return nil }
        func number(_ range: Range<Int>) -> Int64 { Int64(String(decoding: bytes[range], as: UTF8.self)) ?? 0 }
        var index = 19
        var fraction: Int64 = 0
        if bytes[index] == UInt8(ascii: ".") {
            index += 1
            var digits = 0
            while index < bytes.count, (0x30...0x39).contains(bytes[index]) {
                if digits < 9 { fraction = fraction * 10 + Int64(bytes[index] - 0x30) }
                digits += 1
                index += 1
            }
            for _ in min(digits, 9)..<9 { fraction *= 10 }
        }
        var offset: Int64 = 0
        if index < bytes.count, bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-") {
            let digits = bytes[(index + 1)...].filter { $0 != UInt8(ascii: ":") }
            guard digits.count == 4, let value = Int64(String(decoding: digits, as: UTF8.self)) else { return nil }
            offset = (value / 100 * 60 + value % 100) * 60 * (bytes[index] == UInt8(ascii: "-") ? -1 : 1)
        }
        let days = Calendar.days(year: number(0..<4), month: number(5..<7), day: number(8..<10))
        let seconds = days * 86_400 + number(11..<13) * 3_600 + number(14..<16) * 60 + number(17..<19) - offset
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflowed) = product.addingReportingOverflow(fraction)
        return overflow || overflowed ? nil : sum
    }

    /// RFC 3339 in UTC, as many digits of a second as are needed.
    static func text(timestamp: Int64) -> String {
        let parts = Calendar(timestamp)
        func padded(_ value: Int64, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        var fraction = parts.nanosecond == 0 ? "" : "." + padded(parts.nanosecond, 9)
        while fraction.hasSuffix("0") { fraction.removeLast() }
        let date = "\(padded(parts.year, 4))-\(padded(parts.month, 2))-\(padded(parts.day, 2))"
        return "\(date)T\(padded(parts.hour, 2)):\(padded(parts.minute, 2)):\(padded(parts.second, 2))\(fraction)Z"
    }

    /// The parts of a point in time, in UTC.
    struct Calendar {
        var year, month, day, hour, minute, second, nanosecond, weekday, yearDay: Int64

        init(_ nanoseconds: Int64) {
            func divide(_ value: Int64, _ by: Int64) -> (Int64, Int64) {
                let quotient = value >= 0 ? value / by : -((-(value + 1)) / by) - 1
                return (quotient, value - quotient * by)
            }
            var seconds: Int64
            (seconds, nanosecond) = divide(nanoseconds, 1_000_000_000)
            let days: Int64
            (days, seconds) = divide(seconds, 86_400)
            (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60)
            weekday = divide(days + 4, 7).1  // 1970-01-01 was a Thursday; Sunday is 0
            // This follows Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
            let (era, dayOfEra) = divide(days + 719_468, 146_097)
            let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
            let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
            let shifted = (5 * dayOfYear + 2) / 153
            day = dayOfYear - (153 * shifted + 2) / 5 + 1
            month = shifted < 10 ? shifted + 3 : shifted - 9
            year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
            yearDay = days - Self.days(year: year, month: 1, day: 1)
        }

        static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
            let shifted = month <= 2 ? year - 1 : year
            let era = (shifted >= 0 ? shifted : shifted - 399) / 400
            let yearOfEra = shifted - era * 400
            let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
            return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        }
    }

    static func base64(_ text: String) -> [UInt8]? {
        guard StringFormat.isValid(text, "byte") else { return nil }
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in text.utf8 where byte != UInt8(ascii: "=") {
            let value: UInt8 =
                switch byte {
                case 0x41...0x5A: byte - 65
                case 0x61...0x7A: byte - 71
                case 0x30...0x39: byte + 4
                default: byte == UInt8(ascii: "+") ? 62 : 63
                }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bytes
    }
}
