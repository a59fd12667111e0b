import JSON

/// A value in an expression. Objects and lists of the checked object are converted when they are read.
indirect enum CELValue: Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    case uint(UInt64)
    case double(Double)
    case string(String)
    case bytes([UInt8])
    /// Nanoseconds.
    case duration(Int64)
    /// Nanoseconds since 1970: from 1677 to 2262.
    case timestamp(Int64)
    case type(String)
    case url(URLText)
    case list(CELList)
    /// A map made in an expression, in the order of its entries.
    case map([CELEntry])
    /// An object with known properties, or a map of a schema's values.
    case record([String: JSON], CELType.Record)
    case optional(CELValue?)

    /// A value of the object. Throws if it does not fit its schema.
    init(_ json: JSON, _ schema: StructuralSchema, isResource: Bool = false) throws(CELError) {
        if json.isNull {
            guard schema.isNullable else { throw CELError("invalid data, got null for schema with nullable=false") }
            self = .null
            return
        }
        if schema.isIntOrString {
            switch json {
            case .string(let text): self = .string(text)
            case .int(let number): self = .int(number)
            default: throw CELError("invalid data, expected XIntOrString value to be either a string or integer")
            }
            return
        }
        switch (schema.type, json) {
        case ("object", .object(let members)):
            self = .record(members, .init(schema: schema, isResource: isResource || schema.isEmbeddedResource))
        case ("array", .array(let elements)):
            guard let items = schema.items else {
                throw CELError("invalid array type, expected Items with a non-empty Schema")
            }
            self = .list(CELList(elements, items: items, type: schema.listType, keys: schema.listMapKeys))
        case ("string", .string(let text)): self = try Self.formatted(text, schema.format)
        case ("number", .double(let number)): self = .double(number)
        case ("number", .int(let number)): self = .double(Double(number))
        case ("integer", .int(let number)): self = .int(number)
        case ("integer", .double(let number)):
            guard let integer = Int64(exactly: number) else {
                throw CELError("invalid data, expected int, got float64")
            }
            self = .int(integer)
        case ("boolean", .bool(let flag)): self = .bool(flag)
        default: throw CELError("invalid data, expected a value of type \(schema.type)")
        }
    }

    private static func formatted(_ text: String, _ format: String) throws(CELError) -> CELValue {
        switch format {
        case "byte":
            guard let bytes = CELTime.base64(text) else { throw CELError("Invalid byte formatted string \(text)") }
            return .bytes(bytes)
        case "duration":
            guard let nanoseconds = CELTime.duration(text) else { throw CELError("Invalid duration \(text)") }
            return .duration(nanoseconds)
        case "date", "date-time", "datetime":
            let full = format == "date" ? text + "T00:00:00Z" : text
            guard let nanoseconds = CELTime.timestamp(full) else {
                throw CELError("Invalid \(format) formatted string \(text)")
            }
            return .timestamp(nanoseconds)
        default: return .string(text)
        }
    }

    /// The name of its type, as `type()` gives it.
    var typeName: String {
        switch self {
        case .null: "null_type"
        case .bool: "bool"
        case .int: "int"
        case .uint: "uint"
        case .double: "double"
        case .string: "string"
        case .bytes: "bytes"
        case .duration: "google.protobuf.Duration"
        case .timestamp: "google.protobuf.Timestamp"
        case .type: "type"
        case .url: "kubernetes.URL"
        case .list: "list"
        case .map, .record: "map"
        case .optional: "optional_type"
        }
    }

    /// Whether a function with a parameter of this type takes the value. Elements of lists and maps are not checked.
    func fits(_ type: CELType) -> Bool {
        switch (type, self) {
        case (.dyn, _), (.parameter, _), (.null, .null), (.bool, .bool), (.int, .int), (.uint, .uint),
            (.double, .double), (.string, .string), (.bytes, .bytes), (.duration, .duration), (.timestamp, .timestamp),
            (.type, .type), (.url, .url), (.list, .list), (.map, .map), (.map, .record), (.object, .record),
            (.optional, .optional):
            true
        default: false
        }
    }
}

/// An entry of a map made in an expression.
struct CELEntry: Sendable {
    var key: CELValue
    var value: CELValue
}

/// A fault during evaluation. `||` and `&&` absorb it if the other side decides, unless the budget is spent.
struct CELError: Error, Sendable, Hashable {
    var message: String
    var isOutOfBudget = false

    init(_ message: String, isOutOfBudget: Bool = false) {
        self.message = message
        self.isOutOfBudget = isOutOfBudget
    }
    static func noOverload(_ name: String) -> CELError { CELError("no such overload: \(name)") }
    static let budget = CELError("operation cancelled: actual cost limit exceeded", isOutOfBudget: true)
}

/// A list, of values or of elements of the checked object.
struct CELList: Sendable {
    private enum Storage: Sendable {
        case values([CELValue])
        case json([JSON], StructuralSchema)
    }
    private var storage: Storage
    /// `set` and `map` compare without order.
    let type: String?
    let keys: [String]

    init(_ values: [CELValue], type: String? = nil, keys: [String] = []) {
        storage = .values(values)
        self.type = type
        self.keys = keys
    }
    init(_ elements: [JSON], items: StructuralSchema, type: String?, keys: [String]) {
        storage = .json(elements, items)
        self.type = type
        self.keys = keys
    }

    var count: Int {
        switch storage {
        case .values(let values): values.count
        case .json(let elements, _): elements.count
        }
    }
    func element(_ index: Int) throws(CELError) -> CELValue {
        switch storage {
        case .values(let values): return values[index]
        case .json(let elements, let items): return try CELValue(elements[index], items)
        }
    }
    func values() throws(CELError) -> [CELValue] {
        if case .values(let values) = storage { return values }
        var result: [CELValue] = []
        result.reserveCapacity(count)
        for index in 0..<count { result.append(try element(index)) }
        return result
    }
}
