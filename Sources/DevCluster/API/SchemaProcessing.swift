import JSON

/// What the schema of one version of a custom resource does to objects. `Schema/` implements it.
protocol SchemaProcessing: Sendable {
    /// Pruned and with defaults; and the paths of what was pruned ("spec.foo"). apiVersion, kind and metadata stay.
    func normalised(_ object: JSON) -> (value: JSON, unknown: [String])
    /// Everything that is wrong with the object, CEL rules included.
    ///
    /// - Parameters:
    ///   - old: nil for a create.
    ///   - isStatusUpdate: only `status` is being written.
    func errors(_ object: JSON, old: JSON?, isStatusUpdate: Bool) -> [FieldError]
}

/// Makes `SchemaProcessing` from what a CRD holds.
protocol SchemaCompiling: Sendable {
    /// - Parameters:
    ///   - schema: `openAPIV3Schema`.
    ///   - path: where it stands, for errors: `spec.versions[0].schema.openAPIV3Schema`.
    func compile(schema: JSON, path: String) -> (schema: any SchemaProcessing, errors: [FieldError])
}

/// Defaults and prunes by the field types alone and validates nothing: until a `SchemaCompiling` is given.
struct PlainSchema: SchemaProcessing, SchemaCompiling {
    var schema: JSON = [:]

    func compile(schema: JSON, path: String) -> (schema: any SchemaProcessing, errors: [FieldError]) {
        (PlainSchema(schema: schema), [])
    }

    func normalised(_ object: JSON) -> (value: JSON, unknown: [String]) {
        var unknown: [String] = []
        let pruned = Self.pruned(object, schema, path: "", isRoot: true, &unknown)
        return (Self.defaulted(pruned, schema), unknown.sorted())
    }

    func errors(_ object: JSON, old: JSON?, isStatusUpdate: Bool) -> [FieldError] { [] }

    private static func defaulted(_ value: JSON, _ schema: JSON) -> JSON {
        switch value {
        case .object(var members):
            for (name, property) in schema["properties"]?.object ?? [:] {
                if let present = members[name], !present.isNull || property["nullable"]?.bool == true {
                    members[name] = defaulted(present, property)
                } else if let fallback = property["default"] {
                    members[name] = fallback
                }
            }
            if let values = schema["additionalProperties"], values.object != nil {
                members = members.mapValues { defaulted($0, values) }
            }
            return .object(members)
        case .array(let elements):
            guard let items = schema["items"] else { return value }
            return .array(elements.map { defaulted($0, items) })
        default: return value
        }
    }

    private static func pruned(
        _ value: JSON, _ schema: JSON, path: String, isRoot: Bool, _ unknown: inout [String]
    ) -> JSON {
        switch value {
        case .object(let members):
            let properties = schema["properties"]?.object
            let isOpen = schema["x-kubernetes-preserve-unknown-fields"]?.bool == true
            let keepsTypeMeta = isRoot || schema["x-kubernetes-embedded-resource"]?.bool == true
            var result: [String: JSON] = [:]
            for (name, member) in members {
                let below = path.isEmpty ? name : "\(path).\(name)"
                if keepsTypeMeta, ["apiVersion", "kind", "metadata"].contains(name) {
                    result[name] = member
                } else if let property = properties?[name] {
                    result[name] = pruned(member, property, path: below, isRoot: false, &unknown)
                } else if let values = schema["additionalProperties"], values.bool != false {
                    result[name] = pruned(member, values, path: below, isRoot: false, &unknown)
                } else if isOpen {
                    result[name] = member
                } else {
                    unknown.append(below)
                }
            }
            return .object(result)
        case .array(let elements):
            guard let items = schema["items"] else { return value }
            return .array(
                elements.enumerated().map { pruned($1, items, path: "\(path)[\($0)]", isRoot: false, &unknown) })
        default: return value
        }
    }
}
