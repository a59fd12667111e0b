import Support

enum Bytes {
    /// The bytes without white space or a byte order mark around them.
    static func trimmed<Source: BidirectionalCollection<UInt8>>(_ bytes: Source) -> Source.SubSequence {
        var rest = bytes[...]
        if rest.starts(with: [0xef, 0xbb, 0xbf]) { rest = rest.dropFirst(3) }
        return rest.trimmed()
    }
}
