import JSON

/// Checks what the server demands of a CRD's schema: it must be structural, and not too costly to check. The rules of
/// CEL have checks of their own (`CELRules`).
struct SchemaChecks {
    private enum Level {
        case root, item, field
    }
    private var errors: [FieldError] = []

    /// `json` is the schema's text, since `StructuralSchema` does not read some of the forbidden members.
    static func errors(of schema: StructuralSchema, json: JSON, at path: FieldPath) -> [FieldError] {
        var checks = SchemaChecks()
        checks.checkUnsupported(json, path)
        checks.check(schema, .root, path, isWithinMetadata: false)
        return checks.errors
    }

    private mutating func require(
        _ condition: Bool, _ kind: FieldError.Kind, _ path: FieldPath, value: JSON? = nil, _ detail: String
    ) {
        if !condition { errors.append(FieldError(kind, path, value: value, detail)) }
    }

    private mutating func checkUnsupported(_ json: JSON, _ path: FieldPath) {
        for key in ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"] {
            require(json[key] == nil, .forbidden, path.child(key), "\(key) is not supported")
        }
        require(
            json["uniqueItems"] != true, .forbidden, path.child("uniqueItems"),
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic")
        require(
            json["x-kubernetes-preserve-unknown-fields"] != false, .invalid,
            path.child("x-kubernetes-preserve-unknown-fields"), value: false, "must be true or undefined")
        require(
            json["type"] != "null", .forbidden, path.child("type"),
            "type cannot be set to null, use nullable as an alternative")
        for (name, property) in (json["properties"]?.object ?? [:]).sorted(by: { $0.key < $1.key }) {
            checkUnsupported(property, path.child("properties").key(name))
        }
        if let items = json["items"] { checkUnsupported(items, path.child("items")) }
        if let values = json["additionalProperties"], values.object != nil {
            checkUnsupported(values, path.child("additionalProperties"))
        }
    }

    private mutating func check(_ schema: StructuralSchema, _ level: Level, _ path: FieldPath, isWithinMetadata: Bool) {
        checkType(schema, level, path)
        checkLists(schema, path)
        if !schema.properties.isEmpty, case .bool(false) = schema.additionalProperties {
        } else if !schema.properties.isEmpty, case .unspecified = schema.additionalProperties {
        } else if !schema.properties.isEmpty {
            let detail = "additionalProperties and properties are mutual exclusive"
            errors.append(FieldError(.forbidden, path.child("additionalProperties"), detail))
        }
        if level == .root, case .schema = schema.additionalProperties {
            errors.append(FieldError(.forbidden, path.child("additionalProperties"), "must not be used at the root"))
        }
        require(
            !(schema.isIntOrString && schema.preservesUnknownFields), .invalid,
            path.child("x-kubernetes-preserve-unknown-fields"), value: true,
            "must be false if x-kubernetes-int-or-string is true")
        if schema.isEmbeddedResource {
            require(
                schema.type == "object", schema.type.isEmpty ? .required : .invalid, path.child("type"),
                value: .string(schema.type), "must be object if x-kubernetes-embedded-resource is true")
            require(
                schema.preservesUnknownFields || !schema.properties.isEmpty, .required, path.child("properties"),
                "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"
            )
        }
        for (nested, nestedPath) in Self.nested(schema, path) { checkNested(nested, nestedPath) }
        for name in schema.propertyNames {
            guard let property = schema.properties[name] else { continue }
            check(property, .field, path.child("properties").key(name), isWithinMetadata: isWithinMetadata)
        }
        if let items = schema.items { check(items, .item, path.child("items"), isWithinMetadata: isWithinMetadata) }
        if let values = schema.additionalProperties.schema {
            check(values, .field, path.child("additionalProperties"), isWithinMetadata: isWithinMetadata)
        }
        checkDefault(schema, level, path)
    }

    private mutating func checkType(_ schema: StructuralSchema, _ level: Level, _ path: FieldPath) {
        require(
            level != .root || !schema.isNullable, .forbidden, path.child("nullable"),
            "nullable cannot be true at the root")
        require(!(schema.type == "array" && schema.items == nil), .required, path.child("items"), "must be specified")
        if schema.type.isEmpty {
            guard !schema.isIntOrString, !(schema.preservesUnknownFields && level != .root) else { return }
            let detail =
                switch level {
                case .root: "must not be empty at the root"
                case .item: "must not be empty for specified array items"
                case .field: "must not be empty for specified object fields"
                }
            errors.append(FieldError(.required, path.child("type"), detail))
        } else if level == .root, schema.type != "object" {
            let detail = "must be object at the root"
            errors.append(FieldError(.invalid, path.child("type"), value: .string(schema.type), detail))
        } else if !["object", "array", "string", "integer", "number", "boolean"].contains(schema.type) {
            errors.append(
                .notSupported(
                    path.child("type"), value: .string(schema.type),
                    supported: ["array", "boolean", "integer", "number", "object", "string"]))
        }
    }

    private mutating func checkLists(_ schema: StructuralSchema, _ path: FieldPath) {
        if let mapType = schema.mapType, !["granular", "atomic"].contains(mapType) {
            errors.append(
                .notSupported(
                    path.child("x-kubernetes-map-type"), value: .string(mapType), supported: ["atomic", "granular"]))
        }
        if let listType = schema.listType {
            require(
                schema.type == "array", schema.type.isEmpty ? .required : .invalid, path.child("type"),
                value: .string(schema.type), "must be array if x-kubernetes-list-type is specified")
            if !["atomic", "set", "map"].contains(listType) {
                errors.append(
                    .notSupported(
                        path.child("x-kubernetes-list-type"), value: .string(listType),
                        supported: ["atomic", "map", "set"]))
            }
        }
        if !schema.listMapKeys.isEmpty {
            require(
                schema.listType == "map", schema.listType == nil ? .required : .invalid,
                path.child("x-kubernetes-list-type"), value: schema.listType.map { .string($0) },
                "must be map if x-kubernetes-list-map-keys is non-empty")
        }
        guard schema.listType == "map" else { return }
        let keysPath = path.child("x-kubernetes-list-map-keys")
        require(!schema.listMapKeys.isEmpty, .required, keysPath, "must not be empty if x-kubernetes-list-type is map")
        guard let items = schema.items else {
            errors.append(
                FieldError(.required, path.child("items"), "must have a schema if x-kubernetes-list-type is map"))
            return
        }
        require(
            items.type == "object", .invalid, path.child("items").child("type"), value: .string(items.type),
            "must be object if parent array's x-kubernetes-list-type is map")
        let keys = JSON.array(schema.listMapKeys.map { .string($0) })
        for name in schema.listMapKeys {
            let keyPath = path.child("items").child("properties").key(name)
            guard let key = items.properties[name] else {
                errors.append(
                    FieldError(.invalid, keysPath, value: keys, "entries must all be names of item properties"))
                continue
            }
            require(
                key.type != "object" && key.type != "array", .invalid, keyPath.child("type"), value: .string(key.type),
                "must be a scalar type if parent array's x-kubernetes-list-type is map")
            require(
                key.defaultValue != nil || items.required.contains(name), .required, keyPath.child("default"),
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property")
            require(
                !key.isNullable, .forbidden, keyPath.child("nullable"),
                "this property is in x-kubernetes-list-map-keys, so it cannot be nullable")
        }
        require(
            Set(schema.listMapKeys).count == schema.listMapKeys.count, .invalid, keysPath, value: keys,
            "must not contain duplicate entries")
    }

    /// A default must be valid, and pruning must leave it as it is.
    private mutating func checkDefault(_ schema: StructuralSchema, _ level: Level, _ path: FieldPath) {
        guard let value = schema.defaultValue else { return }
        let path = path.child("default")
        require(level != .root, .forbidden, path, "must not be set at the root")
        require(schema.pruned(value).value == value, .invalid, path, value: value, "must not have unknown fields")
        errors += SchemaValidator(prefix: path).errors(of: value, schema)
    }

    private static func nested(_ schema: StructuralSchema, _ path: FieldPath) -> [(StructuralSchema, FieldPath)] {
        var result: [(StructuralSchema, FieldPath)] = []
        for (name, list) in [("allOf", schema.allOf), ("anyOf", schema.anyOf), ("oneOf", schema.oneOf)] {
            for (index, nested) in list.enumerated() { result.append((nested, path.child(name).index(index))) }
        }
        if let not = schema.not { result.append((not, path.child("not"))) }
        return result
    }

    /// Below allOf, anyOf, oneOf and not, a schema may only restrict values. It may not shape the object.
    private mutating func checkNested(_ schema: StructuralSchema, _ path: FieldPath) {
        require(
            schema.type.isEmpty || path.description.contains("anyOf["), .forbidden, path.child("type"),
            "must be empty to be structural")
        require(schema.defaultValue == nil, .forbidden, path.child("default"), "must be undefined to be structural")
        require(!schema.isNullable, .forbidden, path.child("nullable"), "must be false to be structural")
        require(
            schema.additionalProperties.schema == nil, .forbidden, path.child("additionalProperties"),
            "must be undefined to be structural")
        require(
            !schema.preservesUnknownFields, .forbidden, path.child("x-kubernetes-preserve-unknown-fields"),
            "must be false to be structural")
        for (nested, nestedPath) in Self.nested(schema, path) { checkNested(nested, nestedPath) }
        for name in schema.propertyNames {
            if let property = schema.properties[name] { checkNested(property, path.child("properties").key(name)) }
        }
        if let items = schema.items { checkNested(items, path.child("items")) }
    }
}
