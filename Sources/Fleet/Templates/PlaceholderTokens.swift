/// Replaces placeholders while YAML is read. Without quotes, `limits.cpu: {{ x }}` is a flow mapping to YAML. So each
/// placeholder first becomes a word that is a plain scalar in any place and does not occur in the text. Line numbers
/// stay the same.
struct PlaceholderTokens {
    /// The template with words for placeholders.
    let text: String
    let names: [String]
    private let prefix: [UInt8]

    init?(_ template: String) {
        guard let prefix = Self.prefix(absentFrom: template) else { return nil }
        var bytes: [UInt8] = []
        var names: [String] = []
        Pattern.scan(template) { piece in
            switch piece {
            case .text(let text): bytes += text
            case .placeholder(let name):
                bytes += prefix
                bytes += "\(names.count)z".utf8
                names.append(name)
            }
        }
        text = String(decoding: bytes, as: UTF8.self)
        self.names = names
        self.prefix = prefix
    }

    /// The scalar's text with its placeholders.
    func pattern(_ scalar: String) -> Pattern {
        let bytes = Array(scalar.utf8)
        var parts: [Pattern.Part] = []
        var literal: [UInt8] = []
        var index = 0
        while index < bytes.count {
            guard bytes[index] == prefix[0], let (name, end) = token(bytes, at: index) else {
                literal.append(bytes[index])
                index += 1
                continue
            }
            if !literal.isEmpty { parts.append(.text(String(decoding: literal, as: UTF8.self))) }
            literal = []
            parts.append(.placeholder(name))
            index = end
        }
        if !literal.isEmpty { parts.append(.text(String(decoding: literal, as: UTF8.self))) }
        return Pattern(parts: parts)
    }

    private func token(_ bytes: [UInt8], at start: Int) -> (name: String, end: Int)? {
        guard bytes[start...].starts(with: prefix) else { return nil }
        var end = start + prefix.count
        var number = 0
        while end < bytes.count, (48...57).contains(bytes[end]), number <= names.count {
            number = number * 10 + Int(bytes[end] - 48)
            end += 1
        }
        // A template could write such a word with escapes in quotes. It stands for itself unless it is one of ours.
        guard end < bytes.count, bytes[end] == UInt8(ascii: "z"), names.indices.contains(number) else { return nil }
        return (names[number], end + 1)
    }

    /// Letters only, since a word of letters is always plain text in YAML.
    private static func prefix(absentFrom text: String) -> [UInt8]? {
        for attempt in 0..<8 {
            var hash = StableHash()
            hash.combine(text.utf8)
            hash.combine([UInt8(attempt)])
            let letters = (0..<12).map { UInt8(ascii: "a") + UInt8(hash.value >> UInt64($0 * 5) & 15) }
            let prefix = Array("sqdrn".utf8) + letters
            if !text.contains(String(decoding: prefix, as: UTF8.self)) { return prefix }
        }
        return nil
    }
}
