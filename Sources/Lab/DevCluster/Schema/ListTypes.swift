import JSON

extension StructuralSchema {
    /// The errors of lists of type `set` with equal elements, and of type `map` with equal keys.
    func duplicateErrors(_ value: JSON, at path: FieldPath = .root) -> [FieldError] {
        switch value {
        case .object(let members):
            return members.sorted { $0.key < $1.key }.flatMap { name, member -> [FieldError] in
                if let property = properties[name] { return property.duplicateErrors(member, at: path.child(name)) }
                return additionalProperties.schema?.duplicateErrors(member, at: path.key(name)) ?? []
            }
        case .array(let elements):
            var errors: [FieldError] = []
            switch listType {
            case "set":
                errors = Self.repeated(elements).map { FieldError(.duplicate, path.index($0), value: elements[$0]) }
            case "map":
                if let index = elements.firstIndex(where: { !$0.isNull && $0.object == nil }) {
                    let detail = "must be an object for an array of list-type map"
                    return [FieldError(.invalid, path.index(index), value: elements[index], detail)]
                }
                let keys = elements.map { element in
                    JSON.object(
                        listMapKeys.reduce(into: [:]) { keys, name in keys[name] = element[name] })
                }
                errors = Self.repeated(keys).map { FieldError(.duplicate, path.index($0), value: keys[$0]) }
            default: break
            }
            guard let items else { return errors }
            return errors
                + elements.enumerated().flatMap { items.duplicateErrors($1, at: path.index($0)) }
        default: return []
        }
    }

    /// The places where a value appears for the second time. Later repetitions are not reported.
    private static func repeated(_ values: [JSON]) -> [Int] {
        var counts: [JSON: Int] = [:]
        return values.indices.filter { index in
            counts[values[index], default: 0] += 1
            return counts[values[index]] == 2
        }
    }

    /// Objects that claim to be resources (`x-kubernetes-embedded-resource`) need a kind and a version.
    func embeddedResourceErrors(_ value: JSON, at path: FieldPath = .root) -> [FieldError] {
        switch value {
        case .object(let members):
            var errors: [FieldError] = []
            if isEmbeddedResource {
                for name in ["apiVersion", "kind"] {
                    switch members[name] {
                    case nil: errors.append(FieldError(.required, path.child(name)))
                    case .string(""):
                        errors.append(FieldError(.invalid, path.child(name), value: "", "must not be empty"))
                    case .string: break
                    case let other?:
                        errors.append(FieldError(.invalid, path.child(name), value: other, "must be a string"))
                    }
                }
            }
            for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                if let property = properties[name] {
                    errors += property.embeddedResourceErrors(member, at: path.child(name))
                } else if let values = additionalProperties.schema {
                    errors += values.embeddedResourceErrors(member, at: path.key(name))
                }
            }
            return errors
        case .array(let elements):
            guard let items else { return [] }
            return elements.enumerated().flatMap { items.embeddedResourceErrors($1, at: path.index($0)) }
        default: return []
        }
    }
}
