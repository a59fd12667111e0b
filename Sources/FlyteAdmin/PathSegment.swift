/// A part of a URL's path that comes from what a user typed.
enum PathSegment {
    /// RFC 3986's unreserved characters stay, every other byte of the UTF-8 is percent-encoded. Nil where no encoding
    /// helps: an empty part would be another URL, and servers resolve "." and ".." also where they are encoded.
    static func encode(_ text: String) -> String? {
        guard !text.isEmpty, text != ".", text != ".." else { return nil }
        return percentEncode(text)
    }

    static func percentEncode(_ text: some StringProtocol) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if isUnreserved(byte) {
                bytes.append(byte)
            } else {
                bytes.append(UInt8(ascii: "%"))
                bytes.append(hex(byte >> 4))
                bytes.append(hex(byte & 15))
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func hex(_ digit: UInt8) -> UInt8 { digit < 10 ? 48 + digit : 55 + digit }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
