import JSON

extension FieldType {
    /// The type that a CRD's `openAPIV3Schema` describes, for server-side apply. `isRoot` adds what every object has.
    init(schema: JSON, isRoot: Bool = false) {
        if schema["x-kubernetes-int-or-string"]?.bool == true {
            self = .intOrString
            return
        }
        let isEmbedded = isRoot || schema["x-kubernetes-embedded-resource"]?.bool == true
        switch schema["type"]?.string {
        case "string": self = .string
        case "integer": self = .integer
        case "number": self = .number
        case "boolean": self = .boolean
        case "array":
            let kind: ListKind
            switch schema["x-kubernetes-list-type"]?.string {
            case "set": kind = .set
            case "map": kind = .map(keys: (schema["x-kubernetes-list-map-keys"]?.array ?? []).compactMap(\.string))
            default: kind = .atomic
            }
            self = .list(FieldType(schema: schema["items"] ?? [:]), kind)
        case "object":
            let isAtomic = schema["x-kubernetes-map-type"]?.string == "atomic"
            let isOpen = schema["x-kubernetes-preserve-unknown-fields"]?.bool == true
            let properties = schema["properties"]?.object
            if properties == nil, !isEmbedded, let values = schema["additionalProperties"], values.bool != false {
                self = .map(values.object == nil ? .any : FieldType(schema: values), atomic: isAtomic)
                return
            }
            var fields: [String: ObjectType.Field] = [:]
            let required = Set((schema["required"]?.array ?? []).compactMap(\.string))
            for (name, property) in properties ?? [:] {
                fields[name] = ObjectType.Field(
                    type: FieldType(schema: property), description: property["description"]?.string ?? "",
                    isRequired: required.contains(name), defaultValue: property["default"])
            }
            if isEmbedded {
                fields["apiVersion"] = ObjectType.Field(type: .string)
                fields["kind"] = ObjectType.Field(type: .string)
                fields["metadata"] = ObjectType.Field(type: .named("ObjectMeta"))
            }
            self = .object(
                ObjectType(
                    name: "", description: schema["description"]?.string ?? "", fields: fields, isOpen: isOpen,
                    isAtomic: isAtomic))
        default: self = .any
        }
    }
}
