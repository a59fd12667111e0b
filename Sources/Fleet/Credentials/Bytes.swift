enum Bytes {
    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

    /// Without white space, or a byte order mark, around.
    static func trimmed<Source: BidirectionalCollection<UInt8>>(_ bytes: Source) -> Source.SubSequence {
        var rest = bytes[...]
        if rest.starts(with: [0xef, 0xbb, 0xbf]) { rest = rest.dropFirst(3) }
        while let first = rest.first, isSpace(first) { rest = rest.dropFirst() }
        while let last = rest.last, isSpace(last) { rest = rest.dropLast() }
        return rest
    }

    static func erase(_ bytes: UnsafeMutableRawBufferPointer) {
        for index in bytes.indices { bytes.storeBytes(of: 0, toByteOffset: index, as: UInt8.self) }
    }
}
