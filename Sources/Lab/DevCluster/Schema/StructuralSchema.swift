import JSON

/// One rule of `x-kubernetes-validations`.
struct ValidationRule: Sendable, Hashable {
    var rule: String
    var message = ""
    var messageExpression = ""
    /// `FieldValueInvalid` (also when absent), `FieldValueForbidden`, `FieldValueRequired` or `FieldValueDuplicate`.
    var reason: String?
    var fieldPath = ""
    var optionalOldSelf: Bool?
}

/// A level of a CRD's `openAPIV3Schema`, as apiextensions understands it. Immutable.
final class StructuralSchema: Sendable {
    enum AdditionalProperties: Sendable {
        case unspecified
        case bool(Bool)
        case schema(StructuralSchema)

        var schema: StructuralSchema? { if case .schema(let schema) = self { schema } else { nil } }
    }
    struct Bound: Sendable {
        var value: Double
        var isExclusive: Bool
    }
    struct Pattern: Sendable {
        var source: String
        var regex: LinearRegex
    }

    /// Empty when not given.
    let type: String
    /// Empty when not given, or not one that the server checks.
    let format: String
    let isNullable: Bool
    let defaultValue: JSON?
    let enumeration: [JSON]
    let pattern: Pattern?
    let minimum: Bound?
    let maximum: Bound?
    let multipleOf: Double?
    let minLength: Int64?
    let maxLength: Int64?
    let minItems: Int64?
    let maxItems: Int64?
    let minProperties: Int64?
    let maxProperties: Int64?
    let items: StructuralSchema?
    let properties: [String: StructuralSchema]
    /// The names are sorted, so that errors come in the same order every time.
    let propertyNames: [String]
    let additionalProperties: AdditionalProperties
    let required: [String]
    let allOf: [StructuralSchema]
    let anyOf: [StructuralSchema]
    let oneOf: [StructuralSchema]
    let not: StructuralSchema?
    let preservesUnknownFields: Bool
    let isIntOrString: Bool
    let isEmbeddedResource: Bool
    /// `atomic`, `set` or `map`; nil means atomic.
    let listType: String?
    let listMapKeys: [String]
    /// `granular` or `atomic`; nil means granular.
    let mapType: String?
    let rules: [ValidationRule]

    /// The types that a value may have, with JSON Schema's names. Empty means any.
    var types: [String] { isIntOrString ? ["integer", "string"] : type.isEmpty ? [] : [type] }

    /// The schema of a member, known by name or by `additionalProperties`.
    func member(_ name: String) -> StructuralSchema? { properties[name] ?? additionalProperties.schema }

    /// Reads a schema and notes what can't be read. `SchemaChecks` checks its meaning.
    init(_ json: JSON, at path: FieldPath, errors: inout [FieldError]) {
        var reader = SchemaReader(json: json, path: path)
        type = reader.string("type") ?? ""
        let isIntOrString = reader.bool("x-kubernetes-int-or-string")
        self.isIntOrString = isIntOrString
        format = Self.checkedFormat(reader.string("format") ?? "", type: type, isIntOrString: isIntOrString)
        isNullable = reader.bool("nullable")
        defaultValue = json["default"]
        enumeration = reader.array("enum") ?? []
        pattern = reader.pattern()
        minimum = reader.number("minimum").map { Bound(value: $0, isExclusive: json["exclusiveMinimum"] == true) }
        maximum = reader.number("maximum").map { Bound(value: $0, isExclusive: json["exclusiveMaximum"] == true) }
        multipleOf = reader.number("multipleOf")
        minLength = reader.integer("minLength")
        maxLength = reader.integer("maxLength")
        minItems = reader.integer("minItems")
        maxItems = reader.integer("maxItems")
        minProperties = reader.integer("minProperties")
        maxProperties = reader.integer("maxProperties")
        items = reader.schema("items")
        properties = reader.properties()
        propertyNames = properties.keys.sorted()
        switch json["additionalProperties"] {
        case nil: additionalProperties = .unspecified
        case .bool(let isAllowed): additionalProperties = .bool(isAllowed)
        default: additionalProperties = reader.schema("additionalProperties").map { .schema($0) } ?? .unspecified
        }
        required = reader.strings("required")
        allOf = reader.schemas("allOf")
        anyOf = reader.schemas("anyOf")
        oneOf = reader.schemas("oneOf")
        not = reader.schema("not")
        preservesUnknownFields = reader.bool("x-kubernetes-preserve-unknown-fields")
        isEmbeddedResource = reader.bool("x-kubernetes-embedded-resource")
        listType = reader.string("x-kubernetes-list-type")
        listMapKeys = reader.strings("x-kubernetes-list-map-keys")
        mapType = reader.string("x-kubernetes-map-type")
        rules = reader.rules()
        errors += reader.errors
    }

    /// Formats that the server does not check count as absent.
    private static func checkedFormat(_ format: String, type: String, isIntOrString: Bool) -> String {
        switch isIntOrString ? "" : type {
        case "", "string": StringFormat.isKnown(format) ? format : ""
        case "integer": ["int32", "int64"].contains(format) ? format : ""
        case "number": ["float", "double"].contains(format) ? format : ""
        default: ""
        }
    }
}

/// Reads the members of a schema's JSON.
private struct SchemaReader {
    let json: JSON
    let path: FieldPath
    var errors: [FieldError] = []

    private mutating func read<T>(_ key: String, _ expected: String, _ get: (JSON) -> T?) -> T? {
        guard let value = json[key], !value.isNull else { return nil }
        if let result = get(value) { return result }
        errors.append(FieldError(.invalid, path.child(key), value: value, "must be \(expected)"))
        return nil
    }
    mutating func string(_ key: String) -> String? { read(key, "a string", \.string) }
    mutating func bool(_ key: String) -> Bool { read(key, "a boolean", \.bool) ?? false }
    mutating func number(_ key: String) -> Double? { read(key, "a number", \.double) }
    mutating func integer(_ key: String) -> Int64? {
        read(key, "an integer") { $0.int ?? $0.double.flatMap { Int64(exactly: $0) } }
    }
    mutating func array(_ key: String) -> [JSON]? { read(key, "an array", \.array) }
    mutating func strings(_ key: String) -> [String] {
        read(key, "an array of strings") { value in
            guard let elements = value.array else { return nil }
            let strings = elements.compactMap(\.string)
            return strings.count == elements.count ? strings : nil
        } ?? []
    }

    mutating func schema(_ key: String) -> StructuralSchema? {
        guard let value = json[key], !value.isNull else { return nil }
        guard value.object != nil else {
            let isArray = key == "items" && value.array != nil
            let detail = isArray ? "items must be a schema object and not an array" : "must be a schema"
            errors.append(FieldError(isArray ? .forbidden : .invalid, path.child(key), value: value, detail))
            return nil
        }
        return StructuralSchema(value, at: path.child(key), errors: &errors)
    }
    mutating func schemas(_ key: String) -> [StructuralSchema] {
        (array(key) ?? []).enumerated().map { index, value in
            StructuralSchema(value, at: path.child(key).index(index), errors: &errors)
        }
    }
    mutating func properties() -> [String: StructuralSchema] {
        guard let members = read("properties", "an object", \.object) else { return [:] }
        var result: [String: StructuralSchema] = [:]
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            result[name] = StructuralSchema(value, at: path.child("properties").key(name), errors: &errors)
        }
        return result
    }
    mutating func pattern() -> StructuralSchema.Pattern? {
        guard let source = string("pattern"), !source.isEmpty else { return nil }
        do {
            return StructuralSchema.Pattern(source: source, regex: try LinearRegex(source))
        } catch {
            let detail = "must be a valid regular expression, but isn't: \(error)"
            errors.append(FieldError(.invalid, path.child("pattern"), value: .string(source), detail))
            return nil
        }
    }
    mutating func rules() -> [ValidationRule] {
        (array("x-kubernetes-validations") ?? []).map { value in
            ValidationRule(
                rule: value["rule"]?.string ?? "", message: value["message"]?.string ?? "",
                messageExpression: value["messageExpression"]?.string ?? "", reason: value["reason"]?.string,
                fieldPath: value["fieldPath"]?.string ?? "", optionalOldSelf: value["optionalOldSelf"]?.bool)
        }
    }
}
