/// A text with placeholders: exactly `{{ name }}`, one space on each side, as Flyte has it. Whatever else is in braces
/// stays as it is.
struct Pattern: Sendable, Hashable {
    enum Part: Sendable, Hashable {
        case text(String)
        case placeholder(String)
    }
    var parts: [Part]

    init(parts: [Part]) { self.parts = parts }

    init(_ text: String) {
        parts = []
        var literal: [UInt8] = []
        Self.scan(text) { piece in
            switch piece {
            case .text(let bytes): literal += bytes
            case .placeholder(let name):
                if !literal.isEmpty { parts.append(.text(String(decoding: literal, as: UTF8.self))) }
                literal = []
                parts.append(.placeholder(name))
            }
        }
        if !literal.isEmpty { parts.append(.text(String(decoding: literal, as: UTF8.self))) }
    }

    var names: [String] { parts.compactMap { if case .placeholder(let name) = $0 { name } else { nil } } }
    var hasPlaceholders: Bool { parts.contains { if case .placeholder = $0 { true } else { false } } }

    func text<Failure: Error>(_ value: (String) throws(Failure) -> String) throws(Failure) -> String {
        var result = ""
        for part in parts {
            switch part {
            case .text(let text): result += text
            case .placeholder(let name): result += try value(name)
            }
        }
        return result
    }

    enum Piece {
        case text(ArraySlice<UInt8>)
        case placeholder(String)
    }
    /// One pass over the bytes: placeholders are ASCII, and no UTF-8 sequence has an ASCII byte within.
    static func scan(_ text: String, _ emit: (Piece) -> Void) {
        let bytes = Array(text.utf8)
        let (open, close, space) = (UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: " "))
        var start = 0
        var index = 0
        while index + 6 < bytes.count {
            guard bytes[index] == open, bytes[index + 1] == open, bytes[index + 2] == space else {
                index += 1
                continue
            }
            // Names are short, so a text full of open braces costs no more than its length times that.
            let limit = min(bytes.count, index + 3 + 129)
            guard let end = bytes[(index + 3)..<limit].firstIndex(of: space), end + 2 < bytes.count,
                bytes[end + 1] == close, bytes[end + 2] == close,
                case let name = String(decoding: bytes[(index + 3)..<end], as: UTF8.self), ValueRules.isName(name)
            else {
                index += 1
                continue
            }
            if start < index { emit(.text(bytes[start..<index])) }
            emit(.placeholder(name))
            index = end + 3
            start = index
        }
        if start < bytes.count { emit(.text(bytes[start...])) }
    }
}
