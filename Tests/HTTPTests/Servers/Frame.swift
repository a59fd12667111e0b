/// An HTTP/2 frame (RFC 9113, 4.1), right or wrong.
struct Frame: Sendable, Hashable {
    var type: UInt8
    var flags: UInt8 = 0
    var stream: UInt32 = 0
    var payload: [UInt8] = []
    /// The length that the frame states, where it is not that of its payload.
    var stated: Int?

    static let endStream: UInt8 = 0x1, ack: UInt8 = 0x1, endHeaders: UInt8 = 0x4, padded: UInt8 = 0x8
    static let priority: UInt8 = 0x20

    var bytes: [UInt8] {
        let length = stated ?? payload.count
        let head = [16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } + [type, flags]
        return head + Self.number(stream) + payload
    }

    static func number(_ value: UInt32) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }

    static func data(_ text: String = "", flags: UInt8 = 0, stream: UInt32 = 1) -> Frame {
        Frame(type: 0, flags: flags, stream: stream, payload: Array(text.utf8))
    }
    static func headers(_ block: [UInt8], flags: UInt8 = endHeaders, stream: UInt32 = 1) -> Frame {
        Frame(type: 1, flags: flags, stream: stream, payload: block)
    }
    static func reset(_ code: UInt32, stream: UInt32 = 1) -> Frame {
        Frame(type: 3, stream: stream, payload: number(code))
    }
    static func settings(_ values: [(UInt16, UInt32)] = [], flags: UInt8 = 0) -> Frame {
        Frame(
            type: 4, flags: flags,
            payload: values.flatMap { [UInt8($0.0 >> 8), UInt8(truncatingIfNeeded: $0.0)] + number($0.1) })
    }
    static func push(_ promised: UInt32, _ block: [UInt8]) -> Frame {
        Frame(type: 5, flags: endHeaders, stream: 1, payload: number(promised) + block)
    }
    static func ping(flags: UInt8 = 0) -> Frame { Frame(type: 6, flags: flags, payload: Array("squadron".utf8)) }
    static func goAway(last: UInt32, code: UInt32 = 0, _ debug: String = "") -> Frame {
        Frame(type: 7, payload: number(last) + number(code) + Array(debug.utf8))
    }
    static func window(_ increment: UInt32, stream: UInt32 = 0) -> Frame {
        Frame(type: 8, stream: stream, payload: number(increment))
    }
    static func continuation(_ block: [UInt8], flags: UInt8 = 0, stream: UInt32 = 1) -> Frame {
        Frame(type: 9, flags: flags, stream: stream, payload: block)
    }
}

/// Blocks of header fields (HPACK, RFC 7541).
enum HeaderBlock {
    /// `:status: 200`, from the static table.
    static let ok: [UInt8] = [0x88]

    static func status(_ code: String) -> [UInt8] { field(":status", code) }

    /// A literal, not indexed. With `first: 0x40` the field goes into the table.
    static func field(_ name: String, _ value: String, first: UInt8 = 0) -> [UInt8] {
        [first] + text(name) + text(value)
    }

    static func text(_ text: String) -> [UInt8] { integer(text.utf8.count, bits: 7) + Array(text.utf8) }

    static func integer(_ value: Int, bits: Int, first: UInt8 = 0) -> [UInt8] {
        let most = (1 << bits) - 1
        guard value >= most else { return [first | UInt8(value)] }
        var bytes = [first | UInt8(most)]
        var left = value - most
        while left >= 128 {
            bytes.append(UInt8(left & 127) | 128)
            left >>= 7
        }
        return bytes + [UInt8(left)]
    }
}

/// What a server sends once a request has come.
struct FrameScript: Sendable {
    var once: [Frame] = []
    /// Sent again and again, as fast as it is taken, until the client closes the connection.
    var endless: [Frame] = []
    /// Changes of the bytes, in places from the start of `once`.
    var noise: [Int: UInt8] = [:]
    /// The most bytes in one TLS record. Nil: everything at once.
    var piece: Int?
    /// Whether the server then closes the connection.
    var closes = false

    var opening: [UInt8] {
        var bytes = once.flatMap(\.bytes)
        for (place, byte) in noise where place < bytes.count { bytes[place] = byte }
        return bytes
    }
}
