// Signatures only, until the `json` branch replaces this file.
extension JSON {
    public struct Limits: Sendable {
        public var depth = 128
        public var bytes = 64 << 20
        public static let `default` = Limits()
    }
    public struct SyntaxError: Error, CustomStringConvertible {
        public var line = 0, column = 0, message = ""
        public var description: String { message }
    }
    public init(parsing bytes: [UInt8], limits: Limits = .default) throws(SyntaxError) { throw SyntaxError() }
    public init(parsing text: String, limits: Limits = .default) throws(SyntaxError) { throw SyntaxError() }
    public func serialized(pretty: Bool = false) -> [UInt8] { [] }
    public func decode<T: Decodable>(_: T.Type) throws(DecodingFailure) -> T { throw DecodingFailure(path: "", message: "") }
}
extension JSON: Codable {
    public init(from decoder: any Decoder) throws { self = .null }
    public func encode(to encoder: any Encoder) throws {}
}
