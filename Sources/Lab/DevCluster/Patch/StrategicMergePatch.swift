import JSON

/// Kubernetes' own merge patch: lists of objects are merged by a key that the type names. For built-in kinds.
enum StrategicMergePatch {
    struct Failure: Error {
        var message: String
    }

    static func apply(_ patch: JSON, to original: JSON, type: FieldType) throws(Failure) -> JSON {
        guard case .object(let changes) = patch else {
            throw Failure(message: "json: cannot unmarshal array into Go value of type map[string]interface {}")
        }
        return .object(try merge(original.object ?? [:], changes, type))
    }

    private static let directive = "$patch"
    private static let retainKeys = "$retainKeys"
    private static let order = "$setElementOrder/"
    private static let deletion = "$deleteFromPrimitiveList/"

    private static func merge(
        _ original: [String: JSON], _ patch: [String: JSON], _ type: FieldType
    ) throws(Failure) -> [String: JSON] {
        var changes = patch
        if let what = changes.removeValue(forKey: directive) {
            switch what.string {
            case "replace": return stripped(.object(changes)).object ?? [:]
            case "delete": return [:]
            case "merge": break
            default: throw Failure(message: "unknown patch type found: \(what.serializedString)")
            }
        }
        var result = original
        if let kept = changes.removeValue(forKey: retainKeys) {
            guard let names = kept.array?.compactMap(\.string) else { throw Failure(message: "invalid $retainKeys") }
            for name in changes.keys where !name.hasPrefix("$") && !names.contains(name) {
                if changes[name]?.isNull == false {
                    throw Failure(message: "$retainKeys directive does not match the fields of the patch: \(name)")
                }
            }
            result = result.filter { names.contains($0.key) }
        }
        for (key, value) in changes where key.hasPrefix(deletion) {
            let name = String(key.dropFirst(deletion.count))
            guard let gone = value.array else { throw Failure(message: "\(key) is not a list") }
            if let items = result[name]?.array { result[name] = .array(items.filter { !gone.contains($0) }) }
        }
        for (key, change) in changes where !key.hasPrefix("$") {
            if change.isNull {
                result[key] = nil
                continue
            }
            let field = Self.field(key, type)
            let order = changes[Self.order + key]?.array
            switch (result[key], change) {
            case (.object(let old)?, .object(let new)): result[key] = .object(try merge(old, new, field.type))
            case (_, .object(let new)): result[key] = .object(try merge([:], new, field.type))
            case (let old, .array(let new)):
                guard let mergeKey = field.mergeKey else {
                    // One list replaces the other as it is. Directives in it have no meaning there.
                    if old?.array != nil { result[key] = change } else { result[key] = stripped(change) }
                    continue
                }
                result[key] = .array(try merge(old?.array ?? [], new, by: mergeKey, order: order, field.type))
            default: result[key] = change
            }
        }
        // This is an order without a patch of the list itself.
        for (key, value) in changes where key.hasPrefix(order) {
            let name = String(key.dropFirst(order.count))
            guard changes[name] == nil, let order = value.array, let items = result[name]?.array,
                let mergeKey = field(name, type).mergeKey
            else { continue }
            result[name] = .array(sorted(items, live: items, order: order, by: mergeKey))
        }
        return result
    }

    private static func field(_ name: String, _ type: FieldType) -> (type: FieldType, mergeKey: String?) {
        switch type.resolved {
        case .object(let object): (object.fields[name]?.type ?? object.others, object.fields[name]?.mergeKey)
        case .map(let element, _): (element, nil)
        default: (.any, nil)
        }
    }

    private static func merge(
        _ original: [JSON], _ patch: [JSON], by key: String, order: [JSON]?, _ type: FieldType
    ) throws(Failure) -> [JSON] {
        if key.isEmpty {
            var result = original
            for item in patch where !result.contains(item) { result.append(item) }
            return sorted(result, live: original, order: order ?? patch, by: key)
        }
        let element: FieldType
        if case .list(let item, _) = type.resolved { element = item } else { element = .any }
        if patch.contains(where: { $0[directive]?.string == "replace" }) {
            return patch.filter { $0[directive] == nil }.map(stripped)
        }
        var result = original
        for item in patch {
            guard case .object(let changes) = item else {
                throw Failure(message: "expected an object in a list merged by \(key)")
            }
            guard let identity = changes[key] else {
                let shown = changes.sorted { $0.key < $1.key }.map {
                    "\($0.key):\($0.value.string ?? $0.value.serializedString)"
                }
                throw Failure(
                    message: "map: map[\(shown.joined(separator: " "))] does not contain declared merge key: \(key)")
            }
            if changes[directive]?.string == "delete" {
                result.removeAll { $0[key] == identity }
            } else if let index = result.firstIndex(where: { $0[key] == identity }) {
                result[index] = .object(try merge(result[index].object ?? [:], changes, element))
            } else {
                result.append(.object(try merge([:], changes, element)))
            }
        }
        // Without an order, the patch's own order is taken.
        let kept = order ?? patch.filter { $0[directive] == nil }
        return sorted(result, live: original, order: kept, by: key)
    }

    /// Elements that `order` names come in its order. An element that only the server has stays before the element that
    /// followed it.
    private static func sorted(_ items: [JSON], live: [JSON], order: [JSON], by key: String) -> [JSON] {
        func identity(_ item: JSON) -> JSON { key.isEmpty ? item : item[key] ?? .null }
        let wanted = order.map(identity)
        func place(_ item: JSON) -> Int? { wanted.firstIndex(of: identity(item)) }
        let ordered = items.filter { place($0) != nil }.sorted { (place($0) ?? 0) < (place($1) ?? 0) }
        let others = items.filter { place($0) == nil }
        var result: [JSON] = []
        var rest = others[...]
        for item in ordered {
            if let here = live.firstIndex(where: { identity($0) == identity(item) }) {
                while let other = rest.first, let there = live.firstIndex(where: { identity($0) == identity(other) }),
                    there < here
                {
                    result.append(other)
                    rest.removeFirst()
                }
            }
            result.append(item)
        }
        return result + rest
    }

    /// The value without directives.
    private static func stripped(_ value: JSON) -> JSON {
        switch value {
        case .object(let members):
            .object(members.filter { !$0.key.hasPrefix("$") && !$0.value.isNull }.mapValues(stripped))
        case .array(let elements): .array(elements.filter { $0[directive]?.string != "delete" }.map(stripped))
        default: value
        }
    }
}
