import JSON

extension StructuralSchema {
    /// Does what the server does before it validates an object: it removes unknown fields and forbidden nulls, and adds
    /// defaults. `unknown` names the removed fields, for `fieldValidation`.
    func normalised(_ object: JSON) -> (value: JSON, unknown: [String]) {
        var (value, unknown) = pruned(object, isResourceRoot: true)
        removeNulls(from: &value)
        applyDefaults(to: &value)
        return (value, unknown)
    }

    /// Puts in defaults for absent values, and for nulls that are not allowed.
    func applyDefaults(to value: inout JSON) {
        switch value {
        case .object(var members):
            value = .null  // `members` is the only reference: no copy of the object
            for name in propertyNames {
                guard let property = properties[name], let defaultValue = property.defaultValue else { continue }
                if members[name] == nil || members[name] == .null && !property.isNullable {
                    members[name] = defaultValue
                }
            }
            for name in members.keys {
                guard let schema = member(name), var member = members[name] else { continue }
                if member.isNull, !schema.isNullable, let defaultValue = schema.defaultValue { member = defaultValue }
                schema.applyDefaults(to: &member)
                members[name] = member
            }
            value = .object(members)
        case .array(var elements):
            guard let items else { return }
            value = .null
            for index in elements.indices {
                if elements[index].isNull, !items.isNullable, let defaultValue = items.defaultValue {
                    elements[index] = defaultValue
                }
                items.applyDefaults(to: &elements[index])
            }
            value = .array(elements)
        default: break
        }
    }

    /// Removes members that are null though their schema allows none and has no default for them.
    func removeNulls(from value: inout JSON) {
        switch value {
        case .object(var members):
            value = .null
            for name in members.keys {
                guard let schema = member(name), var member = members[name] else { continue }
                if member.isNull, !schema.isNullable, schema.defaultValue == nil {
                    members[name] = nil
                } else {
                    schema.removeNulls(from: &member)
                    members[name] = member
                }
            }
            value = .object(members)
        case .array(var elements):
            guard let items else { return }
            value = .null
            for index in elements.indices { items.removeNulls(from: &elements[index]) }
            value = .array(elements)
        default: break
        }
    }

    /// The value without fields that the schema does not have, and the sorted paths of the removed fields. At the root
    /// of a resource `apiVersion`, `kind` and `metadata` always stay.
    func pruned(_ value: JSON, isResourceRoot: Bool = false) -> (value: JSON, unknown: [String]) {
        var pruner = Pruner()
        let result = pruner.prune(value, self, path: "", isResource: isResourceRoot || isEmbeddedResource)
        return (result, pruner.unknown.sorted())
    }
}

private struct Pruner {
    var unknown: [String] = []
    private static let resourceFields: Set = ["apiVersion", "kind", "metadata"]

    mutating func prune(_ value: JSON, _ schema: StructuralSchema?, path: String, isResource: Bool) -> JSON {
        let keepsUnknown = schema?.preservesUnknownFields ?? false
        switch value {
        case .object(let members):
            var result: [String: JSON] = [:]
            for (name, member) in members {
                let memberPath = path.isEmpty ? name : "\(path).\(name)"
                if isResource, Self.resourceFields.contains(name) {
                    result[name] = member
                } else if let known = schema?.member(name) {
                    result[name] = prune(member, known, path: memberPath, isResource: known.isEmbeddedResource)
                } else if keepsUnknown {
                    result[name] = member
                } else if case .bool? = schema?.additionalProperties {
                    // The values have no schema, so all of their members are unknown.
                    result[name] = prune(member, nil, path: memberPath, isResource: false)
                } else {
                    unknown.append(memberPath)
                }
            }
            return .object(result)
        case .array(let elements):
            if keepsUnknown, schema?.items == nil { return value }
            return .array(
                elements.enumerated().map { index, element in
                    let items = schema?.items
                    return prune(
                        element, items, path: "\(path)[\(index)]", isResource: items?.isEmbeddedResource ?? false)
                })
        default: return value
        }
    }
}
