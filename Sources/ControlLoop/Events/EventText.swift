import KubeObjects
import Support

/// Makes texts fit the API's rules for events.
enum EventText {
    static let longestNote = 1_024
    static let longestWord = 128
    /// The longest name, which is a DNS subdomain.
    static let longestName = 253

    /// A required word: never empty.
    static func word(_ text: String) -> String { text.isEmpty ? "Unknown" : text.shown(bytes: longestWord) }

    /// What is said, in any number of lines. A part of it may have come from outside.
    static func note(_ text: String) -> String {
        text.cut(toBytes: 4 * longestNote).shown(limit: longestNote, keepsLines: true).cut(toBytes: longestNote)
    }

    /// Notes that differ only in numbers (attempts, seconds, ports) say the same, so each run of digits counts as one
    /// number. Digits in a name are kept: `team1` and `team2` are two things.
    static func withoutNumbers(_ text: String) -> String {
        var result: [UInt8] = []
        /// Whether the digits just read are a number. Nil if the last byte was not a digit.
        var isNumber: Bool?
        for byte in text.utf8.prefix(longestNote) {
            guard byte >= 0x30, byte <= 0x39 else {
                result.append(byte)
                isNumber = nil
                continue
            }
            let standsAlone = isNumber ?? !(result.last.map(isOfName) ?? false)
            if !standsAlone { result.append(byte) } else if isNumber == nil { result.append(0x23) }
            isNumber = standsAlone
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// An ASCII letter, `-` or `_`.
    private static func isOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
        default: false
        }
    }

    /// `<object>.<hex>`: a valid name for any name of an object.
    static func name(of object: String, stamp: UInt64) -> String {
        let suffix = "." + String(stamp, radix: 16)
        var bytes: [UInt8] = []
        for byte in object.utf8.prefix(longestName - suffix.utf8.count) {
            switch byte {
            case 0x30...0x39, 0x61...0x7A: bytes.append(byte)
            case 0x41...0x5A: bytes.append(byte + 0x20)
            // A separator needs a letter or digit on both sides.
            default: if let last = bytes.last, last != 0x2E, last != 0x2D { bytes.append(byte == 0x2E ? 0x2E : 0x2D) }
            }
        }
        while let last = bytes.last, last == 0x2E || last == 0x2D { bytes.removeLast() }
        return (bytes.isEmpty ? "object" : String(decoding: bytes, as: UTF8.self)) + suffix
    }
}
