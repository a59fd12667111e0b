/// A text with placeholders. A placeholder is exactly `{{ name }}`, with one space on each side, as in Flyte. Anything
/// else in braces stays as it is.
struct Pattern: Sendable, Hashable {
    enum Part: Sendable, Hashable {
        case text(String)
        case placeholder(String)
    }
    var parts: [Part]
    /// In a plain scalar of YAML, white space at the ends is not a part of the text. Flyte puts values into the text
    /// before it parses it, so a blank at the end of a value is lost there too.
    private(set) var isPlainScalar = false

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

    /// The same as a plain scalar. Without placeholders the parser has already removed the white space.
    var asPlainScalar: Pattern {
        var pattern = self
        pattern.isPlainScalar = hasPlaceholders
        return pattern
    }

    /// The template's text, for messages.
    var written: String { text { "{{ \($0) }}" } }

    func text<Failure: Error>(_ value: (String) throws(Failure) -> String) throws(Failure) -> String {
        var result = ""
        for part in parts {
            switch part {
            case .text(let text): result += text
            case .placeholder(let name): result += try value(name)
            }
        }
        return isPlainScalar ? result.withoutWhiteSpaceAround : result
    }

    enum Piece {
        case text(ArraySlice<UInt8>)
        case placeholder(String)
    }
    /// Scans the bytes once: placeholders are ASCII, and UTF-8 sequences contain no ASCII bytes.
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
            // Names are short, so even a text full of open braces costs at most its length times that.
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

extension String {
    /// The text without YAML's white space (blanks and tabs) and line breaks at both ends.
    var withoutWhiteSpaceAround: String {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d }
        guard let first = utf8.first, let last = utf8.last, isBlank(first) || isBlank(last) else { return self }
        let inner = utf8.drop(while: isBlank)
        guard let end = inner.lastIndex(where: { !isBlank($0) }) else { return "" }
        return String(decoding: inner[...end], as: UTF8.self)
    }
}
