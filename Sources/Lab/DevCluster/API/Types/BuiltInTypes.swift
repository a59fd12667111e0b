import JSON

/// The types of the built-in kinds, from the notation in `BuiltInTypes+*.swift`. Made once for the process.
///
/// The notation, line by line: a type begins at the margin (`Name flags | description`), its fields are indented
/// (`name type flags | description`). Types are `string int number bool bytes time microtime quantity intstr any`, a type's
/// name, `[T]` (atomic list), `[T]#set`, `[T]#a,b` (list of objects with the keys a and b), `{T}` (map), `{T}#atomic`.
/// Field flags: `*` required, `!` always present, `merge=key` and `merge` (strategic merge), `retain`, `default=value`.
/// Type flags: `open` (has more fields than we describe, which are kept), `atomic`, `kind` (has apiVersion, kind and
/// metadata).
final class BuiltInTypes: Sendable {
    static let shared = BuiltInTypes(sources: [metaTypes, coreTypes, podTypes, workloadTypes, policyTypes, crdTypes])

    let types: [String: ObjectType]

    init(sources: [String]) {
        var types: [String: ObjectType] = [:]
        for source in sources {
            for type in Self.parse(source) { types[type.name] = type }
        }
        self.types = types
    }

    static func type(_ name: String) -> FieldType { .named(name) }

    static func parse(_ source: String) -> [ObjectType] {
        var result: [ObjectType] = []
        var header: (name: String, flags: [Substring], description: String)?
        var fields: [String: ObjectType.Field] = [:]
        func finish() {
            guard let header else { return }
            if header.flags.contains("kind") {
                fields["apiVersion"] = ObjectType.Field(
                    type: .string, description: "The group and version of the schema that this object follows.")
                fields["kind"] = ObjectType.Field(type: .string, description: "What this object is, in CamelCase.")
                fields["metadata"] = ObjectType.Field(
                    type: .named("ObjectMeta"),
                    description: "What every object has: name, labels, annotations and more.",
                    isAlwaysPresent: true)
            }
            result.append(
                ObjectType(
                    name: header.name, description: header.description, fields: fields,
                    isOpen: header.flags.contains("open"), isAtomic: header.flags.contains("atomic")))
            fields = [:]
        }
        for line in source.split(separator: "\n") {
            let halves = line.split(separator: "|", maxSplits: 1)
            let words = (halves.first ?? "").split(separator: " ")
            let description = halves.count > 1 ? String(halves[1].drop(while: { $0 == " " })) : ""
            guard let name = words.first else { continue }
            if line.first != " " {
                finish()
                header = (String(name), Array(words.dropFirst()), description)
            } else if words.count > 1 {
                fields[String(name)] = field(type: words[1], flags: words.dropFirst(2), description: description)
            }
        }
        finish()
        return result
    }

    private static func field(type: Substring, flags: ArraySlice<Substring>, description: String) -> ObjectType.Field {
        var field = ObjectType.Field(type: parse(type: type), description: description)
        for flag in flags {
            switch flag {
            case "*": field.isRequired = true
            case "!": field.isAlwaysPresent = true
            case "retain": field.retainsKeys = true
            case "merge": field.mergeKey = ""
            default:
                if flag.hasPrefix("merge=") { field.mergeKey = String(flag.dropFirst(6)) }
                if flag.hasPrefix("default=") {
                    let text = String(flag.dropFirst(8))
                    field.defaultValue = (try? JSON(parsing: text)) ?? .string(text)
                }
            }
        }
        return field
    }

    private static func parse(type text: Substring) -> FieldType {
        let parts = text.split(separator: "#", maxSplits: 1)
        let base = parts.first ?? ""
        let suffix = parts.count > 1 ? parts[1] : ""
        switch base.first {
        case "[":
            let element = parse(type: base.dropFirst().dropLast())
            switch suffix {
            case "": return .list(element, .atomic)
            case "set": return .list(element, .set)
            default: return .list(element, .map(keys: suffix.split(separator: ",").map(String.init)))
            }
        case "{": return .map(parse(type: base.dropFirst().dropLast()), atomic: suffix == "atomic")
        default: break
        }
        switch base {
        case "string": return .string
        case "int": return .integer
        case "number": return .number
        case "bool": return .boolean
        case "bytes": return .bytes
        case "time": return .time
        case "microtime": return .microTime
        case "quantity": return .quantity
        case "intstr": return .intOrString
        case "any": return .any
        default: return .named(String(base))
        }
    }
}
