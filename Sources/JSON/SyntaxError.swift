extension JSON {
    /// What a parser accepts from a peer. All bounds hold before memory is spent on what exceeds them.
    public struct Limits: Sendable, Hashable {
        /// How many arrays and objects may be open at once. This bounds the stack, since the parser calls itself once
        /// for each.
        public var depth = 128
        /// How long a text may be.
        public var bytes = 64 << 20
        /// How many elements and members all arrays and objects may have together. Each takes two bytes of text
        /// (`[0,0,…`) and a multiple of that in memory. A list of 500 large custom resources has some hundred thousand.
        public var values = 2_000_000
        /// Members with this key often have the same text. Within one text of a list's size, each such object is read
        /// once, and all members with the same text share the value.
        public var repeatedMember: String?

        public init(depth: Int = 128, bytes: Int = 64 << 20, values: Int = 2_000_000) {
            self.depth = depth
            self.bytes = bytes
            self.values = values
        }
        public static let `default` = Limits()
    }

    /// A text that is not JSON (RFC 8259), or exceeds the limits.
    public struct SyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
        /// Counted from 1.
        public var line: Int
        /// Counted from 1, in bytes.
        public var column: Int
        public var message: String

        public init(line: Int = 1, column: Int = 1, message: String) {
            self.line = line
            self.column = column
            self.message = message
        }
        public var description: String { "line \(line), column \(column): \(message)" }
    }
}

extension JSON {
    /// Parses one JSON text. Nothing but white space may surround it.
    ///
    /// A number without fraction and exponent that fits 64 bits becomes an exact `int`; every other number becomes a
    /// `double`. Of equal keys the last one wins, and a lone surrogate becomes U+FFFD. Go does the same, so both sides
    /// of a connection read a text alike.
    public init(parsing bytes: UnsafeRawBufferPointer, limits: Limits = .default) throws(SyntaxError) {
        guard bytes.count <= limits.bytes else {
            throw SyntaxError(message: "the text has \(bytes.count) bytes, the limit is \(limits.bytes)")
        }
        guard let base = bytes.bindMemory(to: UInt8.self).baseAddress else {
            throw SyntaxError(message: "the text is empty")
        }
        var parser = Parser(
            base, count: bytes.count, depth: limits.depth, values: limits.values,
            repeatedMember: limits.repeatedMember)
        do {
            self = try parser.parse()
        } catch {
            let before = bytes[..<min(error.offset, bytes.count)]
            let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
            let line = 1 + before.reduce(0) { $0 + ($1 == UInt8(ascii: "\n") ? 1 : 0) }
            throw SyntaxError(line: line, column: before.count - lineStart + 1, message: error.message)
        }
    }

    public init(parsing bytes: [UInt8], limits: Limits = .default) throws(SyntaxError) {
        self = try bytes.withUnsafeBytes { Self.result($0, limits) }.get()
    }

    public init(parsing bytes: ArraySlice<UInt8>, limits: Limits = .default) throws(SyntaxError) {
        self = try bytes.withUnsafeBytes { Self.result($0, limits) }.get()
    }

    public init(parsing text: String, limits: Limits = .default) throws(SyntaxError) {
        var text = text
        self = try text.withUTF8 { Self.result(UnsafeRawBufferPointer($0), limits) }.get()
    }

    /// The `with…` functions of the standard library rethrow untyped; a `Result` carries the type through.
    private static func result(_ bytes: UnsafeRawBufferPointer, _ limits: Limits) -> Result<JSON, SyntaxError> {
        do {
            return .success(try JSON(parsing: bytes, limits: limits))
        } catch {
            return .failure(error)
        }
    }
}
