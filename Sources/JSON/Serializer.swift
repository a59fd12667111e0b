extension JSON {
    /// The JSON text in UTF-8, members sorted by key: equal values give equal bytes.
    /// `pretty` puts every element on a line of its own, indented by two spaces.
    public func serialized(pretty: Bool = false) -> [UInt8] {
        var bytes: [UInt8] = []
        Serializer(pretty: pretty).append(self, to: &bytes, indent: 0)
        return bytes
    }

    /// Appends the compact text, as `serialized()` gives it.
    public func append(to bytes: inout [UInt8]) {
        Serializer(pretty: false).append(self, to: &bytes, indent: 0)
    }

    /// `serialized()` as a string.
    public var serializedString: String { String(decoding: serialized(), as: UTF8.self) }
}

private struct Serializer {
    let pretty: Bool

    func append(_ value: JSON, to bytes: inout [UInt8], indent: Int) {
        switch value {
        case .null: append("null", to: &bytes)
        case .bool(let value): append(value ? "true" : "false", to: &bytes)
        case .int(let value): append(value, to: &bytes)
        case .double(let value): append(value, to: &bytes)
        case .string(let text): append(quoting: text, to: &bytes)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                newline(&bytes, indent + 1)
                append(element, to: &bytes, indent: indent + 1)
            }
            if !elements.isEmpty { newline(&bytes, indent) }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            var isFirst = true
            for (key, member) in members.sorted(by: { $0.key < $1.key }) {
                if !isFirst { bytes.append(UInt8(ascii: ",")) }
                isFirst = false
                newline(&bytes, indent + 1)
                append(quoting: key, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                if pretty { bytes.append(UInt8(ascii: " ")) }
                append(member, to: &bytes, indent: indent + 1)
            }
            if !members.isEmpty { newline(&bytes, indent) }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private func newline(_ bytes: inout [UInt8], _ indent: Int) {
        guard pretty else { return }
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * indent))
    }

    private func append(_ word: StaticString, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    }

    private func append(_ value: Int64, to bytes: inout [UInt8]) {
        if value >= 0, value < 10 {
            bytes.append(UInt8(ascii: "0") + UInt8(value))
        } else {
            bytes.append(contentsOf: value.description.utf8)
        }
    }

    /// The shortest text that reads back as the same number. Whole numbers have no fraction ("1", not "1.0"): so
    /// writes Go, and a value must not change when it passes through an API server. JSON has no infinities and no NaN:
    /// they become null (`JSON(encoding:)` refuses them).
    private func append(_ value: Double, to bytes: inout [UInt8]) {
        if !value.isFinite {
            append("null", to: &bytes)
        } else if value.magnitude < 0x1p53, Double(Int64(value)) == value {
            append(Int64(value), to: &bytes)
        } else {
            bytes.append(contentsOf: value.description.utf8)
        }
    }

    private func append(quoting text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { utf8 in
            var start = 0
            for index in utf8.indices where utf8[index] < 0x20 || utf8[index] == 0x22 || utf8[index] == 0x5C {
                bytes.append(contentsOf: utf8[start..<index])
                append(escaping: utf8[index], to: &bytes)
                start = index + 1
            }
            bytes.append(contentsOf: utf8[start...])
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private func append(escaping byte: UInt8, to bytes: inout [UInt8]) {
        switch byte {
        case 0x0A: append("\\n", to: &bytes)
        case 0x0D: append("\\r", to: &bytes)
        case 0x09: append("\\t", to: &bytes)
        case 0x22: append("\\\"", to: &bytes)
        case 0x5C: append("\\\\", to: &bytes)
        default:
            append("\\u00", to: &bytes)
            for digit in [byte >> 4, byte & 0xF] {
                bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            }
        }
    }
}
