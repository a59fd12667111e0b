/// RFC 4648 base64.
public enum Base64 {
    public enum Alphabet: Sendable {
        /// With `+` and `/`, padded, as `[]byte` has it in Kubernetes' JSON.
        case standard
        /// With `-` and `_`, without padding, as JSON Web Tokens have it.
        case url
    }

    /// Nil if the text is not base64. Line breaks are skipped, as in Go.
    public static func decode(_ text: some StringProtocol, _ alphabet: Alphabet = .standard) -> [UInt8]? {
        var text = String(text)
        return text.withUTF8 { decode(strictly: $0, alphabet) }
    }

    private static func decode(strictly text: UnsafeBufferPointer<UInt8>, _ alphabet: Alphabet) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity((text.count + 3) / 4 * 3)
        var bits: UInt32 = 0
        var digits = 0
        var padding = 0
        for byte in text {
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") { continue }
            if byte == UInt8(ascii: "="), alphabet == .standard {
                // Padding is valid only after a group of four has begun.
                if digits == 0 { return nil }
                padding += 1
                bits <<= 6
            } else {
                guard padding == 0, let value = digit(byte, alphabet) else { return nil }
                bits = bits << 6 | UInt32(value)
            }
            digits += 1
            if digits == 4 {
                guard padding <= 2 else { return nil }
                result.append(UInt8(truncatingIfNeeded: bits >> 16))
                if padding < 2 { result.append(UInt8(truncatingIfNeeded: bits >> 8)) }
                if padding < 1 { result.append(UInt8(truncatingIfNeeded: bits)) }
                (bits, digits) = (0, 0)
                if padding > 0 { padding = 3 }  // nothing may follow it
            }
        }
        switch (alphabet, digits) {
        case (_, 0): return result
        case (.standard, _), (.url, 1): return nil
        case (.url, _):
            bits <<= UInt32(6 * (4 - digits))
            result.append(UInt8(truncatingIfNeeded: bits >> 16))
            if digits == 3 { result.append(UInt8(truncatingIfNeeded: bits >> 8)) }
            return result
        }
    }

    /// Takes either alphabet, with or without padding, since people paste all of these. Nil if the text is not base64.
    /// The bits that are left over at the end are ignored, as most decoders do.
    @inlinable
    public static func decode(leniently text: some Sequence<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        // Without this, the array could grow and leave a part of a token behind in memory.
        result.reserveCapacity(text.underestimatedCount / 4 * 3 + 3)
        var bits: UInt32 = 0
        var count = 0
        var padding = 0
        for byte in text {
            if byte == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            guard padding == 0, let value = digit(byte, .standard) ?? digit(byte, .url) else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return padding <= 2 && count < 6 ? result : nil
    }

    @inlinable
    public static func encode(_ bytes: some Sequence<UInt8>, _ alphabet: Alphabet = .standard) -> String {
        let digits = alphabet == .standard ? standardDigits : urlDigits
        var result: [UInt8] = []
        result.reserveCapacity((bytes.underestimatedCount + 2) / 3 * 4)
        var bits: UInt32 = 0
        var count = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                result.append(digits[Int(bits >> UInt32(count) & 63)])
            }
        }
        if count > 0 { result.append(digits[Int(bits << UInt32(6 - count) & 63)]) }
        if alphabet == .standard { while result.count % 4 != 0 { result.append(UInt8(ascii: "=")) } }
        return String(decoding: result, as: UTF8.self)
    }

    /// The value of a character. Nil for a character outside of the alphabet.
    @inlinable
    public static func digit(_ byte: UInt8, _ alphabet: Alphabet) -> UInt8? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - 65
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 71
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte + 4
        case UInt8(ascii: "+") where alphabet == .standard, UInt8(ascii: "-") where alphabet == .url: 62
        case UInt8(ascii: "/") where alphabet == .standard, UInt8(ascii: "_") where alphabet == .url: 63
        default: nil
        }
    }

    @usableFromInline static let standardDigits = alphabet("+/")
    @usableFromInline static let urlDigits = alphabet("-_")
    private static func alphabet(_ last: String) -> [UInt8] {
        Array(("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + last).utf8)
    }
}
