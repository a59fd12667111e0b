import Support

/// `metav1.Time`: RFC 3339 in UTC, whole seconds ("2026-01-02T03:04:05Z"). Reads fractions and offsets too.
public struct Timestamp: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    public var instant: Instant

    /// Cuts to whole seconds, as the API server stores it.
    public init(_ instant: Instant) {
        self.instant = Instant(secondsSince1970: instant.secondsSince1970.rounded(.down))
    }
    /// Nil if the text is not an RFC 3339 time.
    public init?(_ text: String) {
        guard let instant = RFC3339.parse(text) else { return nil }
        self.init(instant)
    }
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let parsed = Timestamp(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an RFC 3339 time: \(text)")
        }
        self = parsed
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
    public var description: String { RFC3339.format(instant, fractionDigits: 0) }
    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.instant < right.instant }
}

/// `metav1.MicroTime`, as Leases and Events have it: "2026-01-02T03:04:05.000000Z".
public struct MicroTimestamp: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    public var instant: Instant
    public init(_ instant: Instant) { self.instant = instant }
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let parsed = RFC3339.parse(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an RFC 3339 time: \(text)")
        }
        instant = parsed
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
    public var description: String { RFC3339.format(instant, fractionDigits: 6) }
    public static func < (left: MicroTimestamp, right: MicroTimestamp) -> Bool { left.instant < right.instant }
}

enum RFC3339 {
    static func parse(_ text: String) -> Instant? {
        var text = text
        return text.withUTF8 { parse($0) }
    }

    private static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Instant? {
        guard bytes.count >= 20, bytes[4] == 45, bytes[7] == 45, bytes[10] == 84 || bytes[10] == 116,
            bytes[13] == 58, bytes[16] == 58
        else { return nil }
        func number(_ from: Int, _ count: Int) -> Int? {
            var value = 0
            for byte in bytes[from..<from + count] {
                guard byte >= 48, byte <= 57 else { return nil }
                value = value * 10 + Int(byte - 48)
            }
            return value
        }
        guard let year = number(0, 4), let month = number(5, 2), let day = number(8, 2), let hour = number(11, 2),
            let minute = number(14, 2), let second = number(17, 2), (1...12).contains(month), (1...31).contains(day),
            hour < 24, minute < 60, second <= 60
        else { return nil }
        var index = 19
        var fraction = 0.0
        if bytes[index] == 46 {
            var scale = 0.1
            index += 1
            let start = index
            while index < bytes.count, bytes[index] >= 48, bytes[index] <= 57 {
                fraction += Double(bytes[index] - 48) * scale
                scale /= 10
                index += 1
            }
            guard index > start else { return nil }
        }
        var offset = 0
        guard index < bytes.count else { return nil }
        switch bytes[index] {
        case 90, 122:
            guard index + 1 == bytes.count else { return nil }
        case 43, 45:
            guard index + 6 == bytes.count, bytes[index + 3] == 58, let hours = number(index + 1, 2),
                let minutes = number(index + 4, 2)
            else { return nil }
            offset = (hours * 60 + minutes) * 60 * (bytes[index] == 43 ? 1 : -1)
        default: return nil
        }
        let days = daysSince1970(year: year, month: month, day: day)
        return Instant(
            secondsSince1970: Double(days * 86_400 + hour * 3_600 + minute * 60 + second - offset) + fraction)
    }

    /// RFC 3339 can't write years outside of 0000…9999. Such a year becomes the nearest that it can write, since a
    /// token's `exp` may be any number.
    static func format(_ instant: Instant, fractionDigits: Int) -> String {
        let clamped = instant.secondsSince1970.isNaN ? 0 : instant.secondsSince1970
        let instant = Instant(secondsSince1970: min(max(clamped, -62_167_219_200), 253_402_300_799))
        var seconds = Int(saturating: instant.secondsSince1970.rounded(.down))
        var micros = Int(saturating: ((instant.secondsSince1970 - Double(seconds)) * 1e6).rounded())
        if micros == 1_000_000 { (seconds, micros) = (seconds + 1, 0) }
        var days = seconds / 86_400
        var rest = seconds % 86_400
        if rest < 0 { (days, rest) = (days - 1, rest + 86_400) }
        let (year, month, day) = civil(daysSince1970: days)
        func padded(_ value: Int, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
        let time = "\(padded(rest / 3_600, 2)):\(padded(rest / 60 % 60, 2)):\(padded(rest % 60, 2))"
        return date + "T" + time + (fractionDigits == 0 ? "" : "." + padded(micros, 6)) + "Z"
    }

    // Both follow Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". They are exact for the proleptic
    // Gregorian calendar.
    private static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    private static func civil(daysSince1970 days: Int) -> (Int, Int, Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}
