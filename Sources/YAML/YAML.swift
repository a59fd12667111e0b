import JSON

/// Reads and writes YAML with libyaml. Input may be hostile, so its cost is limited, however it is written.
public enum YAML {
    /// The limits of a text.
    public struct Limits: Sendable, Hashable {
        /// How many collections may be nested, aliases followed.
        public var depth: Int
        /// How many nodes a document may have, each counted as often as aliases repeat it.
        public var nodes: Int
        /// How long the text may be.
        public var bytes: Int
        /// How long all scalars together may be, each counted as often as aliases repeat it.
        public var expandedBytes: Int

        public init(depth: Int = 64, nodes: Int = 100_000, bytes: Int = 4 << 20, expandedBytes: Int = 16 << 20) {
            self.depth = depth
            self.nodes = nodes
            self.bytes = bytes
            self.expandedBytes = expandedBytes
        }
        public static let `default` = Limits()
    }

    /// A text that is not YAML, has no meaning in JSON, exceeds the limits, or does not fit the requested type.
    public struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
        /// Counted from 1; 0 where the failure has no place in the text.
        public var line: Int
        /// Counted from 1, in characters; 0 where the failure has no place in the text.
        public var column: Int
        public var message: String

        public init(line: Int = 0, column: Int = 0, message: String) {
            self.line = line
            self.column = column
            self.message = message
        }
        public var description: String { line == 0 ? message : "line \(line), column \(column): \(message)" }
    }

    /// Every document of a stream. Empty documents (an empty text, `---` after `---`) are left out, as kubectl does.
    public static func documents(_ text: String, limits: Limits = .default) throws(Failure) -> [YAMLNode] {
        var text = text
        return try text.withUTF8 { compose(UnsafeRawBufferPointer($0), limits) }.get()
    }
    public static func documents(_ bytes: [UInt8], limits: Limits = .default) throws(Failure) -> [YAMLNode] {
        try bytes.withUnsafeBytes { compose($0, limits) }.get()
    }

    /// The one document of a text; null for a text without any.
    public static func parse(_ text: String, limits: Limits = .default) throws(Failure) -> JSON {
        try single(documents(text, limits: limits))
    }
    public static func parse(_ bytes: [UInt8], limits: Limits = .default) throws(Failure) -> JSON {
        try single(documents(bytes, limits: limits))
    }

    /// The one document of a text as a `Decodable` type. Throws a failure that names the field where the text does not
    /// fit.
    public static func decode<T: Decodable>(
        _ type: T.Type, from text: String, limits: Limits = .default
    ) throws(Failure) -> T {
        try decode(type, parse(text, limits: limits))
    }
    public static func decode<T: Decodable>(
        _ type: T.Type, from bytes: [UInt8], limits: Limits = .default
    ) throws(Failure) -> T {
        try decode(type, parse(bytes, limits: limits))
    }

    private static func decode<T: Decodable>(_ type: T.Type, _ value: JSON) throws(Failure) -> T {
        do {
            return try value.decode(type)
        } catch {
            throw Failure(message: error.description)
        }
    }

    private static func single(_ documents: [YAMLNode]) throws(Failure) -> JSON {
        if documents.count > 1 {
            let second = documents[1]
            throw Failure(line: second.line, column: second.column, message: "expected one document, found more")
        }
        return try documents.first?.json() ?? .null
    }

    /// The `with…` functions of the standard library rethrow untyped; a `Result` carries the type through.
    private static func compose(_ bytes: UnsafeRawBufferPointer, _ limits: Limits) -> Result<[YAMLNode], Failure> {
        do {
            var composer = try Composer(bytes, limits: limits)
            return .success(try composer.documents())
        } catch {
            return .failure(error)
        }
    }
}
