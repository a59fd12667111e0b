import JSON

/// The static type of a value.
indirect enum CELType: Sendable, Hashable, CustomStringConvertible {
    case dyn, null, bool, int, uint, double, string, bytes, duration, timestamp, type, url
    case list(CELType)
    case map(CELType, CELType)
    case object(Record)
    case optional(CELType)
    /// A type parameter of a function's signature.
    case parameter(String)

    /// An object with known properties.
    struct Record: Sendable, Hashable {
        let schema: StructuralSchema
        /// Whether it has `apiVersion`, `kind` and `metadata`, even if the schema does not name them.
        let isResource: Bool

        static func == (left: Record, right: Record) -> Bool {
            left.schema === right.schema && left.isResource == right.isResource
        }
        func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(schema)) }

        /// The schema of a property by its own name.
        func property(_ name: String) -> StructuralSchema? {
            if isResource, let builtIn = ResourceFields.schemas[name] {
                // A CRD's schema of metadata only restricts it.
                return name == "metadata" ? builtIn : schema.properties[name] ?? builtIn
            }
            return schema.properties[name]
        }
    }

    /// The type of values of a schema. Nil if rules can't see them.
    init?(_ schema: StructuralSchema, isResource: Bool) {
        if schema.isIntOrString {
            self = .dyn
            return
        }
        switch (schema.type, schema.format) {
        case ("array", _):
            guard let items = schema.items, let type = CELType(items, isResource: items.isEmbeddedResource) else {
                return nil
            }
            self = .list(type)
        case ("object", _):
            if let values = schema.additionalProperties.schema {
                guard let type = CELType(values, isResource: values.isEmbeddedResource) else { return nil }
                self = .map(.string, type)
            } else {
                self = .object(Record(schema: schema, isResource: isResource || schema.isEmbeddedResource))
            }
        case ("string", "byte"): self = .bytes
        case ("string", "duration"): self = .duration
        case ("string", "date"), ("string", "date-time"), ("string", "datetime"): self = .timestamp
        case ("string", _): self = .string
        case ("boolean", _): self = .bool
        case ("number", _): self = .double
        case ("integer", _): self = .int
        default: return nil
        }
    }

    var description: String {
        switch self {
        case .dyn: "dyn"
        case .null: "null"
        case .bool: "bool"
        case .int: "int"
        case .uint: "uint"
        case .double: "double"
        case .string: "string"
        case .bytes: "bytes"
        case .duration: "duration"
        case .timestamp: "timestamp"
        case .type: "type"
        case .url: "kubernetes.URL"
        case .list(let element): "list(\(element))"
        case .map(let key, let value): "map(\(key), \(value))"
        case .object: "object"
        case .optional(let inner): "optional_type(\(inner))"
        case .parameter(let name): name
        }
    }

    /// Whether a value of the other type can stand where this type is expected. It binds type parameters.
    func accepts(_ other: CELType, _ bindings: inout [String: CELType]) -> Bool {
        switch (self, other) {
        case (.parameter(let name), _):
            guard let bound = bindings[name], bound != .dyn else {
                bindings[name] = other
                return true
            }
            if other == .dyn { return true }
            if bound.accepts(other, &bindings) { return true }
            if other.accepts(bound, &bindings) {
                bindings[name] = other
                return true
            }
            return false
        case (.dyn, _), (_, .dyn): return true
        case (.list(let left), .list(let right)), (.optional(let left), .optional(let right)):
            return left.accepts(right, &bindings)
        case (.map(let key, let value), .map(let otherKey, let otherValue)):
            return key.accepts(otherKey, &bindings) && value.accepts(otherValue, &bindings)
        case (.object, .null), (.duration, .null), (.timestamp, .null): return true
        default: return self == other
        }
    }

    func accepts(_ other: CELType) -> Bool {
        var bindings: [String: CELType] = [:]
        return accepts(other, &bindings)
    }

    /// The type with its parameters replaced by what they are bound to. Free ones are dynamic.
    func substituted(_ bindings: [String: CELType]) -> CELType {
        switch self {
        case .parameter(let name): bindings[name] ?? .dyn
        case .list(let element): .list(element.substituted(bindings))
        case .map(let key, let value): .map(key.substituted(bindings), value.substituted(bindings))
        case .optional(let inner): .optional(inner.substituted(bindings))
        default: self
        }
    }

    /// The common type of two alternatives. Nil if there is none.
    static func joined(_ left: CELType, _ right: CELType) -> CELType? {
        if left == right { return left }
        if left == .dyn || right == .dyn { return .dyn }
        if left.accepts(right) { return left }
        if right.accepts(left) { return right }
        return nil
    }
}

/// The fields of every resource that rules can see. `metadata` has only its names.
enum ResourceFields {
    static let schemas: [String: StructuralSchema] = {
        var errors: [FieldError] = []
        func schema(_ json: JSON) -> StructuralSchema { StructuralSchema(json, at: .root, errors: &errors) }
        return [
            "apiVersion": schema(["type": "string"]), "kind": schema(["type": "string"]),
            "metadata": schema([
                "type": "object",
                "properties": ["name": ["type": "string"], "generateName": ["type": "string"]],
            ]),
        ]
    }()
}
