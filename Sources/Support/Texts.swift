extension StringProtocol {
    /// Percent-encodes the UTF-8 of everything but unreserved characters (RFC 3986), for a path segment, a query or a
    /// form.
    public var percentEncoded: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(utf8.count)
        func hex(_ digit: UInt8) -> UInt8 { digit < 10 ? 48 + digit : 55 + digit }
        for byte in utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), hex(byte >> 4), hex(byte & 15)]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension String {
    /// The text in at most `limit` bytes of UTF-8. A cut is between two characters, and "…" marks it.
    public func cut(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var size = 3
        var text = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            size += UTF8.width(scalar)
            if size > limit { break }
            text.append(scalar)
        }
        return String(text) + "…"
    }

    /// A server's URL without its last slashes, so that a path can follow.
    public var withoutSlashesAtTheEnd: String { String(reversed().drop { $0 == "/" }.reversed()) }
}

extension UInt8 {
    /// Whether it is white space of ASCII: blank, tab, line breaks and the like.
    @inlinable public var isSpace: Bool { self == 0x20 || (0x09...0x0d).contains(self) }
}

extension BidirectionalCollection<UInt8> {
    /// The bytes without white space around them.
    @inlinable
    public func trimmed(_ isSpace: (UInt8) -> Bool = \.isSpace) -> SubSequence {
        var rest = self[...]
        while let first = rest.first, isSpace(first) { rest = rest.dropFirst() }
        while let last = rest.last, isSpace(last) { rest = rest.dropLast() }
        return rest
    }
}

extension Sequence<UInt8> {
    /// Whether it can be a token in a header line: printable ASCII without blanks.
    @inlinable public var isTokenText: Bool { allSatisfy { $0 > 0x20 && $0 < 0x7f } }
}

extension Sequence<UInt8> {
    /// The bytes that percent-encoding stands for. Nil if a "%" is not followed by two hexadecimal digits, or if they
    /// stand for NUL.
    public var percentDecoded: [UInt8]? {
        func digit(_ byte: UInt8?) -> UInt8? { byte.flatMap { UInt8(String(UnicodeScalar($0)), radix: 16) } }
        var result: [UInt8] = []
        var iterator = makeIterator()
        while let byte = iterator.next() {
            guard byte == UInt8(ascii: "%") else {
                result.append(byte)
                continue
            }
            guard let high = digit(iterator.next()), let low = digit(iterator.next()), high | low > 0 else {
                return nil
            }
            result.append(high << 4 | low)
        }
        return result
    }
}
