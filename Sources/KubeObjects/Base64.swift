/// RFC 4648 base64, standard alphabet with padding, as `[]byte` has it in Kubernetes' JSON.
public enum Base64 {
    /// Nil for what is no base64. Line breaks are skipped, as Go does.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.utf8.count / 4 * 3)
        var bits: UInt32 = 0
        var digits = 0
        var padding = 0
        for byte in text.utf8 {
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") { continue }
            if byte == UInt8(ascii: "=") {
                padding += 1
                digits += 1
                bits <<= 6
            } else {
                guard padding == 0, let value = value(of: byte) else { return nil }
                digits += 1
                bits = bits << 6 | UInt32(value)
            }
            if digits == 4 {
                guard padding <= 2 else { return nil }
                result.append(UInt8(truncatingIfNeeded: bits >> 16))
                if padding < 2 { result.append(UInt8(truncatingIfNeeded: bits >> 8)) }
                if padding < 1 { result.append(UInt8(truncatingIfNeeded: bits)) }
                (bits, digits) = (0, 0)
            } else if digits == 1, padding > 0 {
                return nil  // "=" where a group of four would have to start
            }
        }
        return digits == 0 ? result : nil
    }

    public static func encode(_ bytes: some Collection<UInt8>) -> String {
        var result: [UInt8] = []
        result.reserveCapacity((bytes.count + 2) / 3 * 4)
        var bits: UInt32 = 0
        var pending = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            pending += 1
            if pending == 3 {
                for shift in [18, 12, 6, 0] { result.append(alphabet[Int(bits >> UInt32(shift)) & 63]) }
                (bits, pending) = (0, 0)
            }
        }
        if pending == 1 {
            result += [alphabet[Int(bits >> 2) & 63], alphabet[Int(bits << 4) & 63], equals, equals]
        } else if pending == 2 {
            result += [
                alphabet[Int(bits >> 10) & 63], alphabet[Int(bits >> 4) & 63], alphabet[Int(bits << 2) & 63], equals,
            ]
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static let equals = UInt8(ascii: "=")
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    private static func value(of byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - 65
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 97 + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - 48 + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
