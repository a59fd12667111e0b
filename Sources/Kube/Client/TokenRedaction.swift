import JSON
import Support

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

// A server gets our token and may repeat it: in the message of an error, as a user's name. What the server says ends up
// in statuses, events and logs, so the token is removed from it first. The search is for the token as it was sent: a
// server that means harm and encodes it has it anyway, and does not need our status to publish it.

extension Sensitive {
    /// A shorter token is not looked for: it could be in a text by chance.
    private static let shortestSought = 16

    fileprivate var isSought: Bool { count >= Self.shortestSought }
}

extension [UInt8] {
    /// Whether the bytes hold the token.
    func repeats(_ token: Sensitive) -> Bool {
        guard token.isSought else { return false }
        let offset = token.withBytes { token in self.withUnsafeBytes { $0.firstOffset(of: token, from: 0) } }
        return offset != nil
    }

    /// With `<redacted>` in place of the token.
    func redacting(_ token: Sensitive?) -> [UInt8] {
        guard let token, repeats(token) else { return self }
        return token.withBytes { token in self.withUnsafeBytes { $0.replacingAll(token, by: "<redacted>".utf8) } }
    }
}

extension JSON {
    /// With `<redacted>` in place of the token, in texts at any depth. Keys stay as they are, since the keys of a
    /// `Status` are not shown.
    func redacting(_ token: Sensitive?) -> JSON {
        guard let token else { return self }
        switch self {
        case .string(let text):
            let bytes = Array(text.utf8)
            return bytes.repeats(token) ? .string(String(decoding: bytes.redacting(token), as: UTF8.self)) : self
        case .array(let elements): return .array(elements.map { $0.redacting(token) })
        case .object(let members): return .object(members.mapValues { $0.redacting(token) })
        case .null, .bool, .int, .double: return self
        }
    }
}

extension UnsafeRawBufferPointer {
    /// Where `needle` begins for the first time from `start` on.
    fileprivate func firstOffset(of needle: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard let base = baseAddress, let wanted = needle.baseAddress, !needle.isEmpty else { return nil }
        var position = start
        while position + needle.count <= count,
            let hit = memchr(base + position, Int32(needle[0]), count - needle.count - position + 1)
        {
            let offset = base.distance(to: UnsafeRawPointer(hit))
            if memcmp(base + offset, wanted, needle.count) == 0 { return offset }
            position = offset + 1
        }
        return nil
    }

    fileprivate func replacingAll(_ needle: UnsafeRawBufferPointer, by text: String.UTF8View) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(count)
        var start = 0
        while let offset = firstOffset(of: needle, from: start) {
            result += self[start..<offset]
            result += text
            start = offset + needle.count
        }
        result += self[start...]
        return result
    }
}
