import JSON
import Support

/// Reads an object as a built-in type, as Go's decoder does. A value that does not fit is an error. Unknown fields are
/// dropped, and so are null and empty values that Go leaves out when it writes.
struct TypedDecoding {
    /// The error of Go's decoder: "json: cannot unmarshal number into Go struct field ConfigMap.data of type string".
    struct Failure: Error {
        var message: String
        /// The error of the converter of strategic merge patches in its place: "cannot convert int64 to string".
        var conversion: String?
        /// The error of the converter of an applied object in its place.
        var unstructured: String?
    }
    /// Paths of fields that the type does not have, in the order of a strict decoding error.
    private(set) var unknownFields: [String] = []
    private let kind: String

    init(kind: String) { self.kind = kind }

    mutating func decode(_ value: JSON, as type: FieldType) throws(Failure) -> JSON {
        try decode(value, as: type, path: "", go: GoField(owner: "", path: "")) ?? .null
    }

    /// Nil if Go would leave the value out.
    private mutating func decode(_ value: JSON, as type: FieldType, path: String, go: GoField) throws(Failure) -> JSON?
    {
        if value == .null { return nil }
        switch type.resolved {
        case .any, .named: return value
        case .map(let element, _):
            guard let members = value.object else { throw mismatch(value, go, type.resolved.goName) }
            var result: [String: JSON] = [:]
            for (key, member) in members {
                result[key] =
                    try decode(member, as: element, path: path + "." + key, go: go) ?? (element.emptyValue)
            }
            return .object(result)
        case .list(let element, _):
            guard let elements = value.array else { throw mismatch(value, go, "[]\(element.goName)") }
            var result: [JSON] = []
            for (index, member) in elements.enumerated() {
                result.append(
                    try decode(member, as: element, path: "\(path)[\(index)]", go: go) ?? element.emptyValue)
            }
            return .array(result)
        case .object(let object):
            guard let members = value.object else {
                throw mismatch(value, go, go.path.isEmpty ? object.name : "v1.\(object.name)")
            }
            return .object(try decode(members, as: object, path: path, go: go))
        case let scalar: return try decode(value, asScalar: scalar, go: go)
        }
    }

    private func decode(_ value: JSON, asScalar type: FieldType, go: GoField) throws(Failure) -> JSON? {
        switch type {
        case .string:
            guard value.string != nil else { throw mismatch(value, go, "string") }
            return value
        case .bytes:
            guard let text = value.string else { throw mismatch(value, go, "[]uint8") }
            if let offset = Base64.firstIllegalByte(text) {
                let why = "illegal base64 data at input byte \(offset)"
                throw Failure(message: why, unstructured: "error decoding from json: \(why)")
            }
            return value
        case .time, .microTime:
            guard let text = value.string else {
                throw Failure(message: "json: cannot unmarshal \(value.goName) into Go value of type string")
            }
            if text.isEmpty { return nil }
            if case .microTime = type { return .string(try TimeText.microTime(text)) }
            return .string(try TimeText.time(text))
        case .integer:
            if case .double(let number) = value, number == number.rounded(), abs(number) < 9e15 {
                return .int(Int64(number))
            }
            guard value.int != nil else { throw mismatch(value, go, "int32") }
            return value
        case .number:
            guard value.double != nil else { throw mismatch(value, go, "float64") }
            return value
        case .boolean:
            guard value.bool != nil else { throw mismatch(value, go, "bool") }
            return value
        case .quantity:
            // Go reads the text between the quotes, or the literal itself.
            let text =
                switch value {
                case .string(let text): text.trimmed
                case .double(let number): GoText.number(number)
                default: value.serializedString
                }
            do { return .string(try Quantity(text).text) } catch { throw Failure(message: error.rawValue) }
        case .intOrString:
            guard value.int != nil || value.string != nil else { throw mismatch(value, go, "intstr.IntOrString") }
            return value
        case .any, .named, .map, .list, .object: return value
        }
    }

    private mutating func decode(
        _ members: [String: JSON], as type: ObjectType, path: String, go: GoField
    ) throws(Failure) -> [String: JSON] {
        var result: [String: JSON] = [:]
        for (key, value) in members.sorted(by: { $0.key < $1.key }) {
            let childPath = path.isEmpty ? key : path + "." + key
            let below = GoField(owner: type.name, path: go.path.isEmpty ? key : go.path + "." + key)
            guard let field = type.fields[key] else {
                if type.isOpen { result[key] = value } else { unknownFields.append(childPath) }
                continue
            }
            let decoded = try decode(value, as: field.type, path: childPath, go: below)
            if let decoded, field.isAlwaysPresent || !decoded.isOmitted(by: field.type) { result[key] = decoded }
        }
        for (name, field) in type.fields where field.isAlwaysPresent && result[name] == nil {
            result[name] = field.type.zero
        }
        return result
    }

    private func mismatch(_ value: JSON, _ go: GoField, _ wanted: String) -> Failure {
        let place = go.path.isEmpty ? "value" : "struct field \(go.owner).\(go.path)"
        return Failure(
            message: "json: cannot unmarshal \(value.goName) into Go \(place) of type \(wanted)",
            conversion: "cannot convert \(value.decodedGoName) to \(wanted)",
            unstructured: "cannot convert \(value.decodedGoName) to \(wanted)")
    }

    /// The name of a field in Go's decoder: the innermost struct, then the whole path.
    private struct GoField {
        var owner: String
        var path: String
    }
}

extension FieldType {
    /// The object with which a create is compared: the fields that Go writes even when they are empty.
    var skeleton: JSON? {
        guard case .object(let type) = resolved else { return nil }
        var members: [String: JSON] = [:]
        for (name, field) in type.fields where field.isAlwaysPresent { members[name] = field.type.zero }
        return .object(members)
    }

    /// What Go writes for an empty value.
    fileprivate var zero: JSON {
        switch resolved {
        case .string: ""
        case .integer, .number: 0
        case .boolean: false
        case .object: skeleton ?? [:]
        // Kinds of which we describe only that they exist.
        case .any: [:]
        case .list, .map, .bytes, .time, .microTime, .quantity, .intOrString, .named: .null
        }
    }

    fileprivate var emptyValue: JSON {
        switch resolved {
        case .string, .bytes, .time, .microTime: ""
        case .quantity: .string(Quantity.zero)
        case .object: [:]
        default: .null
        }
    }

    fileprivate var goName: String {
        switch self {
        case .string, .quantity, .time, .microTime: "string"
        case .integer: "int32"
        case .number: "float64"
        case .boolean: "bool"
        case .bytes: "[]uint8"
        case .intOrString: "intstr.IntOrString"
        case .any: "interface {}"
        case .named(let name): "v1.\(name)"
        case .object(let type): "v1.\(type.name)"
        case .map(.quantity, _): "v1.ResourceList"
        case .map(let element, _): "map[string]\(element.goName)"
        case .list(let element, _): "[]\(element.goName)"
        }
    }
}

extension JSON {
    fileprivate var goName: String {
        switch self {
        case .null: "null"
        case .bool: "bool"
        case .int, .double: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }

    fileprivate var decodedGoName: String {
        switch self {
        case .int: "int64"
        case .double: "float64"
        case .array: "[]interface {}"
        case .object: "map[string]interface {}"
        case .null, .bool, .string: goName
        }
    }

    /// Whether it is a string, list or map that Go leaves out with `omitempty`. Objects stay, since most are pointers,
    /// where `{}` has a meaning.
    fileprivate func isOmitted(by type: FieldType) -> Bool {
        switch (self, type.resolved) {
        case (.string(let text), _): text.isEmpty
        case (.array(let elements), _): elements.isEmpty
        case (.object(let members), .map): members.isEmpty
        default: false
        }
    }
}
