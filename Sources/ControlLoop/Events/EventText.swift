import Support

/// Fits texts into what the API takes for events.
enum EventText {
    static let longestNote = 1_024
    static let longestWord = 128
    /// Of a name: a DNS subdomain.
    static let longestName = 253

    /// A required word: never empty.
    static func word(_ text: String) -> String { text.isEmpty ? "Unknown" : text.cut(toBytes: longestWord) }

    /// Notes that differ in numbers only (attempts, seconds, ports) tell the same: each run of digits counts as one.
    static func withoutNumbers(_ text: String) -> String {
        var result: [UInt8] = []
        var isInNumber = false
        for byte in text.utf8.prefix(longestNote) {
            let isDigit = byte >= 0x30 && byte <= 0x39
            if !isDigit { result.append(byte) } else if !isInNumber { result.append(0x23) }
            isInNumber = isDigit
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// `<object>.<hex>`: valid as a name whatever the object is called.
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
