import JSON

/// A JSON value in few bytes: keys and common strings are numbers into `WordTable`, and uids are 16 bytes. It can be
/// written as JSON, or partly read, without building a tree. Lists and watches do that for every object.
///
/// The bytes live only in this process, and only `init` makes them, so reading trusts them.
struct CompactJSON: Sendable, Hashable {
    let bytes: [UInt8]

    init(_ value: JSON) {
        var writer = Writer()
        writer.write(value)
        // This makes a new array of exactly the size, since `append` leaves up to as much again unused.
        bytes = Array(unsafeUninitializedCapacity: writer.bytes.count) { buffer, count in
            count = writer.bytes.count
            _ = buffer.initialize(from: writer.bytes)
        }
    }

    enum Tag {
        static let null: UInt8 = 0
        static let `false`: UInt8 = 1
        static let `true`: UInt8 = 2
        static let int: UInt8 = 3
        static let double: UInt8 = 4
        static let string: UInt8 = 5
        static let word: UInt8 = 6
        static let uid: UInt8 = 7
        static let array: UInt8 = 8
        static let object: UInt8 = 9
    }

    private struct Writer {
        var bytes: [UInt8] = []

        mutating func write(_ value: JSON) {
            switch value {
            case .null: bytes.append(Tag.null)
            case .bool(let flag): bytes.append(flag ? Tag.true : Tag.false)
            case .int(let number):
                bytes.append(Tag.int)
                writeNumber(UInt64(bitPattern: (number << 1) ^ (number >> 63)))
            case .double(let number):
                bytes.append(Tag.double)
                withUnsafeBytes(of: number.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
            case .string(let text):
                if let uid = UID.bytes(of: text) {
                    bytes.append(Tag.uid)
                    bytes.append(contentsOf: uid)
                } else if let index = WordTable.shared.index(of: text, adding: false) {
                    bytes.append(Tag.word)
                    writeNumber(UInt64(index))
                } else {
                    bytes.append(Tag.string)
                    write(text: text)
                }
            case .array(let elements):
                bytes.append(Tag.array)
                writeNumber(UInt64(elements.count))
                for element in elements { write(element) }
            case .object(let members):
                bytes.append(Tag.object)
                writeNumber(UInt64(members.count))
                for (key, value) in members.sorted(by: { $0.key < $1.key }) {
                    if let index = WordTable.shared.index(of: key, adding: true) {
                        writeNumber(UInt64(index + 1))
                    } else {
                        writeNumber(0)
                        write(text: key)
                    }
                    write(value)
                }
            }
        }

        mutating func writeNumber(_ number: UInt64) {
            var rest = number
            while rest >= 0x80 {
                bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            bytes.append(UInt8(rest))
        }

        mutating func write(text: String) {
            writeNumber(UInt64(text.utf8.count))
            bytes.append(contentsOf: text.utf8)
        }
    }
}

extension CompactJSON {
    /// The whole value.
    var json: JSON {
        var reader = CompactReader(bytes)
        return reader.value()
    }

    /// The value at a path of object keys. Nil if there is none.
    func value(at path: [String]) -> JSON? {
        var reader = CompactReader(bytes)
        guard reader.seek(path) else { return nil }
        return reader.value()
    }

    /// Appends the value as JSON. Members are sorted by name.
    func append(to output: inout [UInt8]) {
        var reader = CompactReader(bytes)
        reader.transcode(to: &output)
    }

    /// Appends an object as JSON without some of its members.
    func append(to output: inout [UInt8], leavingOut names: Set<String>) {
        var reader = CompactReader(bytes)
        reader.transcodeObject(to: &output, leavingOut: names)
    }

    /// Appends the value at the path as JSON. False if there is none.
    func append(path: [String], to output: inout [UInt8]) -> Bool {
        var reader = CompactReader(bytes)
        guard reader.seek(path) else { return false }
        reader.transcode(to: &output)
        return true
    }
}

/// Reads a `CompactJSON` from front to back.
private struct CompactReader {
    private let bytes: [UInt8]
    private let words: [WordTable.Word]
    private var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        words = WordTable.shared.words
    }

    private mutating func byte() -> UInt8 {
        defer { position += 1 }
        return bytes[position]
    }

    private mutating func number() -> UInt64 {
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = byte()
            result |= UInt64(next & 0x7F) << shift
            if next < 0x80 { return result }
            shift += 7
        }
    }

    private mutating func text() -> String {
        let length = Int(number())
        defer { position += length }
        return String(decoding: bytes[position..<position + length], as: UTF8.self)
    }

    private mutating func key() -> String {
        let index = Int(number())
        return index == 0 ? text() : words[index - 1].text
    }

    private mutating func int() -> Int64 {
        let raw = number()
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }

    private mutating func double() -> Double {
        var pattern: UInt64 = 0
        for index in 0..<8 { pattern |= UInt64(bytes[position + index]) << UInt64(8 * index) }
        position += 8
        return Double(bitPattern: pattern)
    }

    private mutating func uid() -> String {
        defer { position += 16 }
        return UID.text(of: bytes[position..<position + 16])
    }

    mutating func value() -> JSON {
        switch byte() {
        case CompactJSON.Tag.false: return .bool(false)
        case CompactJSON.Tag.true: return .bool(true)
        case CompactJSON.Tag.int: return .int(int())
        case CompactJSON.Tag.double: return .double(double())
        case CompactJSON.Tag.string: return .string(text())
        case CompactJSON.Tag.word: return .string(words[Int(number())].text)
        case CompactJSON.Tag.uid: return .string(uid())
        case CompactJSON.Tag.array:
            let count = Int(number())
            var elements: [JSON] = []
            elements.reserveCapacity(count)
            for _ in 0..<count { elements.append(value()) }
            return .array(elements)
        case CompactJSON.Tag.object:
            let count = Int(number())
            var members: [String: JSON] = [:]
            members.reserveCapacity(count)
            for _ in 0..<count {
                let key = key()
                members[key] = value()
            }
            return .object(members)
        default: return .null
        }
    }

    mutating func skip() {
        switch byte() {
        case CompactJSON.Tag.int, CompactJSON.Tag.word: _ = number()
        case CompactJSON.Tag.double: position += 8
        case CompactJSON.Tag.string: position += Int(number())
        case CompactJSON.Tag.uid: position += 16
        case CompactJSON.Tag.array: for _ in 0..<number() { skip() }
        case CompactJSON.Tag.object:
            for _ in 0..<number() {
                skipKey()
                skip()
            }
        default: break
        }
    }

    private mutating func skipKey() { if number() == 0 { position += Int(number()) } }

    /// Moves to the value at the path.
    mutating func seek(_ path: [String]) -> Bool {
        steps: for step in path {
            guard byte() == CompactJSON.Tag.object else { return false }
            for _ in 0..<number() {
                if key() == step { continue steps }
                skip()
            }
            return false
        }
        return true
    }

    mutating func transcodeObject(to output: inout [UInt8], leavingOut names: Set<String>) {
        guard byte() == CompactJSON.Tag.object else { return }
        var isFirst = true
        output.append(UInt8(ascii: "{"))
        for _ in 0..<number() {
            let key = key()
            if names.contains(key) {
                skip()
                continue
            }
            if !isFirst { output.append(UInt8(ascii: ",")) }
            isFirst = false
            appendJSONString(key, to: &output)
            output.append(UInt8(ascii: ":"))
            transcode(to: &output)
        }
        output.append(UInt8(ascii: "}"))
    }

    mutating func transcode(to output: inout [UInt8]) {
        switch byte() {
        case CompactJSON.Tag.false: output.append(contentsOf: Array("false".utf8))
        case CompactJSON.Tag.true: output.append(contentsOf: Array("true".utf8))
        case CompactJSON.Tag.int: output.append(contentsOf: String(int()).utf8)
        case CompactJSON.Tag.double: JSON.double(double()).append(to: &output)
        case CompactJSON.Tag.string: appendJSONString(text(), to: &output)
        case CompactJSON.Tag.word: output.append(contentsOf: words[Int(number())].json)
        case CompactJSON.Tag.uid:
            output.append(UInt8(ascii: "\""))
            output.append(contentsOf: uid().utf8)
            output.append(UInt8(ascii: "\""))
        case CompactJSON.Tag.array:
            output.append(UInt8(ascii: "["))
            for index in 0..<number() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                transcode(to: &output)
            }
            output.append(UInt8(ascii: "]"))
        case CompactJSON.Tag.object:
            output.append(UInt8(ascii: "{"))
            for index in 0..<number() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                let word = Int(number())
                if word == 0 {
                    appendJSONString(text(), to: &output)
                } else {
                    output.append(contentsOf: words[word - 1].json)
                }
                output.append(UInt8(ascii: ":"))
                transcode(to: &output)
            }
            output.append(UInt8(ascii: "}"))
        default: output.append(contentsOf: Array("null".utf8))
        }
    }
}
