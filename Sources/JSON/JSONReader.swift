/// Reads a text of a known form straight into values of Swift's own types, without a `JSON` in between.
///
/// It is for texts that come by the thousand. Making a `JSON` of an object's metadata and reading that took a quarter of the
/// operator's CPU after a restart. It accepts nothing that `JSON(parsing:)` refuses, and has the same limits. Wherever the
/// text has another form than the caller expects, it fails without a word: the caller then parses the text in the ordinary
/// way, which has the rules for such texts and the messages.
package struct JSONReader {
    /// The text has another form, or is not JSON.
    package struct Unusual: Error {
        package init() {}
    }

    private var parser: Parser

    /// Calls `read` with a reader at the beginning of the text. Nil if it fails, or leaves something of the text.
    package static func read<Value>(
        _ text: [UInt8], limits: JSON.Limits, _ read: (inout JSONReader) throws(Unusual) -> Value
    ) -> Value? {
        guard text.count <= limits.bytes else { return nil }
        return text.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return nil }
            var reader = JSONReader(
                parser: Parser(
                    base, count: bytes.count, depth: limits.depth, values: limits.values,
                    repeatedMember: limits.repeatedMember))
            guard let value = try? read(&reader), reader.isAtEnd else { return nil }
            return value
        }
    }

    private init(parser: Parser) { self.parser = parser }

    private var isAtEnd: Bool {
        mutating get {
            parser.skipSpace()
            return parser.position == parser.end
        }
    }

    /// Reads an object. `member` must read the value of each member. As in `JSON`, the last of equal keys counts.
    package mutating func object(
        _ member: (_ key: String, inout JSONReader) throws(Unusual) -> Void
    ) throws(Unusual) {
        try begin(UInt8(ascii: "{"))
        if !parser.nextIs(UInt8(ascii: "}")) {
            repeat {
                let key = try key()
                try member(key, &self)
                try usual { parser throws(Parser.Fault) in try parser.countValue() }
            } while parser.nextIs(UInt8(ascii: ","))
            guard parser.nextIs(UInt8(ascii: "}")) else { throw Unusual() }
        }
        parser.depthLeft += 1
    }

    /// Reads an array. `element` must read each element.
    package mutating func array(_ element: (inout JSONReader) throws(Unusual) -> Void) throws(Unusual) {
        try begin(UInt8(ascii: "["))
        if !parser.nextIs(UInt8(ascii: "]")) {
            repeat {
                try element(&self)
                try usual { parser throws(Parser.Fault) in try parser.countValue() }
            } while parser.nextIs(UInt8(ascii: ","))
            guard parser.nextIs(UInt8(ascii: "]")) else { throw Unusual() }
        }
        parser.depthLeft += 1
    }

    package mutating func string() throws(Unusual) -> String {
        parser.skipSpace()
        guard parser.position < parser.end, parser.base[parser.position] == UInt8(ascii: "\"") else { throw Unusual() }
        return try usual { parser throws(Parser.Fault) in try parser.parseString(isKey: false) }
    }

    /// Nil for null.
    package mutating func stringOrNull() throws(Unusual) -> String? { try skipNull() ? nil : try string() }

    /// Reads a value of any form.
    /// - Parameter isRepeated: it is the value of a member that many objects have with the same text.
    package mutating func value(isRepeated: Bool = false) throws(Unusual) -> JSON {
        try usual { parser throws(Parser.Fault) in
            isRepeated && parser.repeated.key != nil ? try parser.parseRepeated() : try parser.parseValue()
        }
    }

    /// Reads null, if that comes next. True if it did.
    package mutating func skipNull() throws(Unusual) -> Bool {
        parser.skipSpace()
        guard parser.position < parser.end, parser.base[parser.position] == UInt8(ascii: "n") else { return false }
        _ = try value()
        return true
    }

    private mutating func begin(_ bracket: UInt8) throws(Unusual) {
        parser.skipSpace()
        guard parser.position < parser.end, parser.base[parser.position] == bracket else { throw Unusual() }
        try usual { parser throws(Parser.Fault) in try parser.open() }
    }

    private mutating func key() throws(Unusual) -> String {
        parser.skipSpace()
        guard parser.position < parser.end, parser.base[parser.position] == UInt8(ascii: "\"") else { throw Unusual() }
        let key = try usual { parser throws(Parser.Fault) in try parser.parseString(isKey: true) }
        guard parser.nextIs(UInt8(ascii: ":")) else { throw Unusual() }
        return key
    }

    private mutating func usual<Value>(
        _ step: (inout Parser) throws(Parser.Fault) -> Value
    ) throws(Unusual) -> Value {
        do { return try step(&parser) } catch { throw Unusual() }
    }
}
