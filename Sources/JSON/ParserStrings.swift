extension Parser {
    /// Reads a string; the position is at its opening quote.
    mutating func parseString(isKey: Bool) throws(Fault) -> String {
        position += 1
        let start = position
        let isASCII = skipPlain()
        guard position < end else { throw Fault(offset: start - 1, message: "a string does not end") }
        let run = UnsafeBufferPointer(start: base + start, count: position - start)
        if base[position] == UInt8(ascii: "\"") {
            position += 1
            let text = isKey ? keys.string(run, isASCII: isASCII) : String(run, isASCII: isASCII)
            guard let text else { throw Fault(offset: start, message: "a string is not valid UTF-8") }
            return text
        }
        return try parseRest(of: Array(run), from: start)
    }

    /// The slow path: from the first escape on.
    private mutating func parseRest(of beginning: [UInt8], from start: Int) throws(Fault) -> String {
        var bytes = beginning
        while true {
            guard position < end else { throw Fault(offset: start - 1, message: "a string does not end") }
            switch base[position] {
            case UInt8(ascii: "\""):
                position += 1
                guard let text = String(validating: bytes, as: UTF8.self) else {
                    throw Fault(offset: start, message: "a string is not valid UTF-8")
                }
                return text
            case UInt8(ascii: "\\"):
                position += 1
                try parseEscape(into: &bytes)
            case 0..<0x20:
                throw fault("a control character (byte \(base[position])) must be escaped in a string")
            default:
                let runStart = position
                _ = skipPlain()
                bytes.append(contentsOf: UnsafeBufferPointer(start: base + runStart, count: position - runStart))
            }
        }
    }

    /// Moves to the next quote, backslash, control character or the end, eight bytes at a time while none is near.
    /// Returns whether all passed bytes are ASCII.
    private mutating func skipPlain() -> Bool {
        let raw = UnsafeRawPointer(base)
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        var seen: UInt64 = 0
        while position + 8 <= end {
            let word = raw.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            // A byte's high bit is set where it is zero in `quote` or `backslash`, or below 0x20 in `word`. A borrow
            // can mark a byte above a true match, but can never hide a match. The loop below looks again.
            let matches =
                ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | ((word &- ones &* 0x20) & ~word)
            if matches & highs != 0 { break }
            seen |= word
            position += 8
        }
        while position < end {
            let byte = base[position]
            if byte == 0x22 || byte == 0x5C || byte < 0x20 { break }
            seen |= UInt64(byte)
            position += 1
        }
        return seen & highs == 0
    }

    private mutating func parseEscape(into bytes: inout [UInt8]) throws(Fault) {
        guard position < end else { throw fault("a string does not end") }
        let escape = base[position]
        position += 1
        switch escape {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(escape)
        case UInt8(ascii: "b"): bytes.append(0x08)
        case UInt8(ascii: "f"): bytes.append(0x0C)
        case UInt8(ascii: "n"): bytes.append(0x0A)
        case UInt8(ascii: "r"): bytes.append(0x0D)
        case UInt8(ascii: "t"): bytes.append(0x09)
        case UInt8(ascii: "u"):
            var code = UInt32(try parseHex())
            if code & 0xFC00 == 0xD800, end - position >= 6, base[position] == UInt8(ascii: "\\"),
                base[position + 1] == UInt8(ascii: "u")
            {
                let mark = position
                position += 2
                let low = UInt32(try parseHex())
                if low & 0xFC00 == 0xDC00 {
                    code = 0x10000 + ((code & 0x3FF) << 10 | low & 0x3FF)
                } else {
                    position = mark
                }
            }
            // Nil for a lone surrogate.
            let scalar = Unicode.Scalar(code) ?? "\u{FFFD}"
            bytes.append(contentsOf: UTF8.encode(scalar).map(Array.init) ?? [])
        default:
            position -= 1
            throw fault("unknown escape in a string")
        }
    }

    private mutating func parseHex() throws(Fault) -> UInt16 {
        guard end - position >= 4 else { throw fault("expected four hexadecimal digits") }
        var value: UInt16 = 0
        for _ in 0..<4 {
            let digit: UInt8
            switch base[position] {
            case let byte where byte &- 0x30 < 10: digit = byte - 0x30
            case let byte where (byte | 0x20) &- 0x61 < 6: digit = (byte | 0x20) - 0x61 + 10
            default: throw fault("expected four hexadecimal digits")
            }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }
}

extension String {
    /// Nil for what is not UTF-8.
    ///
    /// Known ASCII goes through the initializer that repairs. It has nothing to repair, and it is not generic at run
    /// time. The initializer that validates is, and took a twentieth of the operator's CPU in a cold sync.
    fileprivate init?(_ bytes: UnsafeBufferPointer<UInt8>, isASCII: Bool) {
        if isASCII {
            self.init(decoding: bytes, as: UTF8.self)
        } else {
            self.init(validating: bytes, as: UTF8.self)
        }
    }
}

/// Object keys seen before. A list repeats few keys many thousand times; the ones too long to be stored inside a
/// `String` (15 bytes) would each take an allocation of their own.
struct KeyCache {
    /// Empty for a text so short that making the slots costs more than they save.
    private var slots: [String]

    init(forTextOf count: Int) { slots = count < 8 << 10 ? [] : [String](repeating: "", count: 256) }

    /// Nil for what is not UTF-8.
    mutating func string(_ bytes: UnsafeBufferPointer<UInt8>, isASCII: Bool) -> String? {
        guard !slots.isEmpty, bytes.count > 15, bytes.count <= 64 else { return String(bytes, isASCII: isASCII) }
        let mixed =
            bytes.count &* 31 &+ Int(bytes[bytes.count - 1]) &* 7 &+ Int(bytes[bytes.count / 2]) &+ Int(bytes[0])
        let slot = mixed & 255
        if slots[slot].utf8.elementsEqual(bytes) { return slots[slot] }
        guard let text = String(bytes, isASCII: isASCII) else { return nil }
        slots[slot] = text
        return text
    }
}
