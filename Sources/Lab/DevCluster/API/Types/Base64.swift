import Support

extension Base64 {
    /// The place where Go's decoder of standard base64 stops. Nil for good text.
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
                guard digit(byte, .standard) != nil, padding == 0 else { return offset }
                digits += 1
            }
        }
        if padding > 0 { return digits % 4 + padding == 4 ? nil : offset }
        return digits % 4 == 0 ? nil : offset - digits % 4
    }
}
