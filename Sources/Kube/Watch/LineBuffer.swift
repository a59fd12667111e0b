import Support

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Cuts a stream of pieces, split anywhere, into lines. A pure value.
///
/// A line within one piece is handed out in place. Only a line that crosses pieces is copied.
struct LineBuffer {
    struct TooLong: Error {}

    let limit: Int
    /// Whether lines are zeroed after they were handed out.
    let wipes: Bool
    /// The start of a line whose end has not come yet.
    private var started: [UInt8] = []
    private var piece: [UInt8] = []
    private var position = 0

    /// `limit` is the most bytes of a line, and so of memory.
    init(limit: Int, wipes: Bool = false) { (self.limit, self.wipes) = (limit, wipes) }

    /// Adds the bytes that came. Call it when `next` has returned nil.
    mutating func feed(_ bytes: [UInt8]) {
        piece = bytes
        position = 0
    }

    /// Hands the next complete line to `body`, without its line break. Nil if there is none yet.
    mutating func next<Result>(_ body: (UnsafeRawBufferPointer) -> Result) throws(TooLong) -> Result? {
        guard position < piece.count else { return nil }
        let end = piece.withUnsafeBytes { bytes -> Int? in
            guard let base = bytes.baseAddress else { return nil }
            return memchr(base + position, Int32(UInt8(ascii: "\n")), bytes.count - position).map {
                base.distance(to: $0)
            }
        }
        guard started.count + (end ?? piece.count) - position <= limit else { throw TooLong() }
        guard let end else {
            if wipes { started.growWiping(by: piece.count - position) }
            started += piece[position...]
            dropPiece()
            return nil
        }
        defer {
            position = end + 1
            if wipes, position == piece.count { dropPiece() }
        }
        if started.isEmpty {
            return piece.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[position..<end])) }
        }
        if wipes { started.growWiping(by: end - position) }
        started += piece[position..<end]
        defer { if wipes { started.wipe() } else { started = [] } }
        return started.withUnsafeBytes(body)
    }

    private mutating func dropPiece() {
        if wipes { piece.wipe() } else { piece = [] }
        position = 0
    }

    /// What follows the last line break, at the end of the stream.
    mutating func rest() -> [UInt8] {
        defer { started = [] }
        return started
    }
}
