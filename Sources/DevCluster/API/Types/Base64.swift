/// Standard base64 with padding, as Go's `encoding/base64` reads it: line ends are ignored.
enum Base64 {
    static func encode(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits = 0
            for byte in group { bits = bits << 8 | Int(byte) }
            bits <<= 8 * (3 - group.count)
            for position in 0..<4 {
                text.append(position <= group.count ? alphabet[bits >> (18 - 6 * position) & 63] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// - Parameter unpadded: the URL alphabet without padding, as continue tokens have it.
    static func decode(_ text: String, unpadded: Bool = false) -> [UInt8]? {
        if !unpadded, firstIllegalByte(text) != nil { return nil }
        var bytes: [UInt8] = []
        var (bits, count) = (0, 0)
        for byte in text.utf8 {
            if byte == UInt8(ascii: "=") && !unpadded || byte == 0x0A || byte == 0x0D { continue }
            let plain: UInt8 =
                unpadded
                ? (byte == UInt8(ascii: "-") ? UInt8(ascii: "+") : byte == UInt8(ascii: "_") ? UInt8(ascii: "/") : byte)
                : byte
            guard let digit = value(of: plain) else { return nil }
            bits = (bits << 6 | digit) & 0xFFFFFF
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> count))
            }
        }
        return bytes
    }

    /// Where Go's decoder stops; nil for good text.
    static func firstIllegalByte(_ text: String) -> Int? {
        var digits = 0
        var padding = 0
        var offset = 0
        for byte in text.utf8 {
            defer { offset += 1 }
            if byte == 0x0A || byte == 0x0D { continue }
            if byte == UInt8(ascii: "=") {
                padding += 1
                if digits % 4 < 2 || digits % 4 + padding > 4 { return offset }
            } else {
                guard value(of: byte) != nil, padding == 0 else { return offset }
                digits += 1
            }
        }
        if padding > 0 { return digits % 4 + padding == 4 ? nil : offset }
        return digits % 4 == 0 ? nil : offset - digits % 4
    }

    private static func value(of byte: UInt8) -> Int? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): Int(byte) - 65
        case UInt8(ascii: "a")...UInt8(ascii: "z"): Int(byte) - 71
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte) + 4
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
