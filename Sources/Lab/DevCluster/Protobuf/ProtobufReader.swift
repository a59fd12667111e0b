/// Reads the wire format of Protocol Buffers: fields one after the other. Malformed input gives an error and never a
/// crash. It copies only what the input has.
struct ProtobufReader {
    struct Malformed: Error {}

    enum Value {
        case integer(UInt64)
        case bytes(ArraySlice<UInt8>)
    }
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    /// The next field; nil at the end. It passes over fixed-width values, which no type here has.
    mutating func next() throws(Malformed) -> (number: UInt64, value: Value)? {
        while !rest.isEmpty {
            let tag = try varint()
            switch tag & 7 {
            case 0: return (tag >> 3, .integer(try varint()))
            case 1: _ = try take(8)
            case 2:
                guard let length = Int(exactly: try varint()) else { throw Malformed() }
                return (tag >> 3, .bytes(try take(length)))
            case 5: _ = try take(4)
            default: throw Malformed()
            }
        }
        return nil
    }

    private mutating func take(_ count: Int) throws(Malformed) -> ArraySlice<UInt8> {
        guard count >= 0, count <= rest.count else { throw Malformed() }
        let bytes = rest.prefix(count)
        rest = rest.dropFirst(count)
        return bytes
    }

    private mutating func varint() throws(Malformed) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { throw Malformed() }
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
        }
        throw Malformed()
    }
}
