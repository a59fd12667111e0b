/// Writes the wire format of Protocol Buffers. Empty texts and false flags are left out, as their absence says the same.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ field: UInt64, _ text: String?) {
        guard let text, !text.isEmpty else { return }
        add(field, bytes: Array(text.utf8))
    }

    mutating func add(_ field: UInt64, _ flag: Bool?) {
        guard flag == true else { return }
        varint(field << 3)
        varint(1)
    }

    /// A message, even if it is empty: its presence has a meaning.
    mutating func add(_ field: UInt64, _ message: (inout ProtobufWriter) -> Void) {
        var writer = ProtobufWriter()
        message(&writer)
        add(field, bytes: writer.bytes)
    }

    private mutating func add(_ field: UInt64, bytes: [UInt8]) {
        varint(field << 3 | 2)
        varint(UInt64(bytes.count))
        self.bytes += bytes
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
