/// A key made at run time.
struct DynamicKey: CodingKey {
    var stringValue: String
    var intValue: Int?
    init(_ text: String) { stringValue = text }
    init(_ index: Int) {
        stringValue = String(index)
        intValue = index
    }
    init(stringValue: String) { self.init(stringValue) }
    init(intValue: Int) { self.init(intValue) }
    static let `super` = DynamicKey("super")
}

/// The position of a coder, linked from the inside out, so that going down copies nothing of the path above.
indirect enum CodingPath {
    case root
    case child(of: CodingPath, any CodingKey)

    func appending(_ key: any CodingKey) -> CodingPath { .child(of: self, key) }
    func appending(_ index: Int) -> CodingPath { .child(of: self, DynamicKey(index)) }

    var keys: [any CodingKey] {
        var keys: [any CodingKey] = []
        var current = self
        while case .child(let parent, let key) = current {
            keys.append(key)
            current = parent
        }
        return keys.reversed()
    }

    /// As Kubernetes writes field paths: `spec.clusters[0].name`, `metadata.labels[example.org/a]`.
    static func text(_ keys: [any CodingKey]) -> String {
        keys.reduce(into: "") { text, key in
            if let index = key.intValue {
                text += "[\(index)]"
            } else if key.stringValue.utf8.allSatisfy(isPlain), !key.stringValue.isEmpty {
                text += text.isEmpty ? key.stringValue : ".\(key.stringValue)"
            } else {
                text += "[\(shown(key.stringValue))]"
            }
        }
    }

    /// Anybody may have written the key: in a message it must be short, and without control characters.
    private static func shown(_ key: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in key.unicodeScalars.prefix(256) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: result.append("\u{FFFD}")
            default: result.append(scalar)
            }
        }
        return String(result)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "$"):
            true
        default: false
        }
    }
}

extension JSON {
    /// What a value is, for messages: "a string".
    var kindWithArticle: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .int, .double: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
