/// A function or operator for arguments of certain types. The checker reads the types, the evaluator calls the body.
struct CELOverload: Sendable {
    typealias Body = @Sendable (inout CELEvaluator, [CELValue]) throws(CELError) -> CELValue

    let parameters: [CELType]
    let result: CELType
    /// Whether it is called on a target, which is the first argument.
    let isMember: Bool
    let body: Body
}

/// The functions for rules, as in Kubernetes 1.36: CEL's standard functions, cel-go's libraries for strings, sets and
/// lists, and Kubernetes' own for lists, regular expressions and URLs. It lacks quantities, IP addresses and CIDRs,
/// semantic versions, named formats and the authorizer.
enum CELLibrary {
    typealias Entry = (name: String, overload: CELOverload)

    static let functions: [String: [CELOverload]] = {
        let groups = [operators, comparisons, strings, regexes, lists, sets, conversions, times, urls, optionals]
        return Dictionary(grouping: groups.joined(), by: \.name).mapValues { $0.map(\.overload) }
    }()

    /// Names that stand for types.
    static let typeNames: Set = [
        "bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type", "optional_type",
    ]

    static let element = CELType.parameter("A")
    static let listOfElements = CELType.list(element)

    static func function(
        _ name: String, _ parameters: [CELType], _ result: CELType, _ body: @escaping CELOverload.Body
    ) -> Entry {
        (name, CELOverload(parameters: parameters, result: result, isMember: false, body: body))
    }
    static func member(
        _ name: String, _ parameters: [CELType], _ result: CELType, _ body: @escaping CELOverload.Body
    ) -> Entry {
        (name, CELOverload(parameters: parameters, result: result, isMember: true, body: body))
    }

    /// A value as messages and `string()` show it.
    static func text(_ value: CELValue) -> String {
        switch value {
        case .null: "null"
        case .bool(let flag): flag ? "true" : "false"
        case .int(let number): String(number)
        case .uint(let number): String(number)
        case .double(let number): GoText.number(number)
        case .string(let text): text
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .duration(let nanoseconds): CELTime.text(duration: nanoseconds)
        case .timestamp(let nanoseconds): CELTime.text(timestamp: nanoseconds)
        case .type(let name): name
        case .url(let url): url.text
        case .list(let list):
            "[" + ((try? list.values()) ?? []).map(text).joined(separator: ", ") + "]"
        case .map, .record:
            "{"
                + (CELEquality.keys(value) ?? []).map { key in
                    "\(text(key)): \((try? CELEvaluator.member(value, key)).flatMap { $0 }.map(text) ?? "")"
                }.joined(separator: ", ") + "}"
        case .optional(let inner): inner.map { "optional.of(\(text($0)))" } ?? "optional.none()"
        }
    }
}

/// The value as an argument of the type that an overload wants.
extension CELValue {
    private func mismatch() -> CELError { .noOverload(typeName) }

    func asBool() throws(CELError) -> Bool {
        guard case .bool(let value) = self else { throw mismatch() }
        return value
    }
    func asInt() throws(CELError) -> Int64 {
        guard case .int(let value) = self else { throw mismatch() }
        return value
    }
    func asUInt() throws(CELError) -> UInt64 {
        guard case .uint(let value) = self else { throw mismatch() }
        return value
    }
    func asDouble() throws(CELError) -> Double {
        guard case .double(let value) = self else { throw mismatch() }
        return value
    }
    func asString() throws(CELError) -> String {
        guard case .string(let value) = self else { throw mismatch() }
        return value
    }
    func asBytes() throws(CELError) -> [UInt8] {
        guard case .bytes(let value) = self else { throw mismatch() }
        return value
    }
    /// Nanoseconds, of a duration or a timestamp.
    func asNanoseconds() throws(CELError) -> Int64 {
        switch self {
        case .duration(let value), .timestamp(let value): return value
        default: throw mismatch()
        }
    }
    func asList() throws(CELError) -> CELList {
        guard case .list(let value) = self else { throw mismatch() }
        return value
    }
    func asURL() throws(CELError) -> URLText {
        guard case .url(let value) = self else { throw mismatch() }
        return value
    }
    func asOptional() throws(CELError) -> CELValue? {
        guard case .optional(let value) = self else { throw mismatch() }
        return value
    }
}
