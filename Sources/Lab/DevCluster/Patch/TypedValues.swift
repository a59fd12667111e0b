import JSON

/// A value that server-side apply cannot work with: "…: field not declared in schema".
struct TypedFailure: Error {
    var message: String
}

extension FieldType {
    /// The type below a path element, and whether it is a field with a name of its own.
    func child(_ element: PathElement) -> (FieldType, isNamed: Bool) {
        switch (resolved, element) {
        case (.object(let type), .field(let name)):
            if let field = type.fields[name] { return (field.type, true) }
            return (type.others, false)
        case (.map(let element, _), _): return (element, false)
        case (.list(let element, _), _): return (element, false)
        default: return (.any, false)
        }
    }

    /// How apply treats a value of this type.
    enum Treatment {
        case leaf
        case map((String) -> FieldType, isNamed: (String) -> Bool)
        case list(element: FieldType, ListKind)
    }

    /// Unknown objects are granular, and unknown lists atomic.
    func treatment(of value: JSON) -> Treatment {
        switch (resolved, value) {
        case (.object(let type), .object):
            if type.isAtomic { return .leaf }
            return .map({ type.fields[$0]?.type ?? type.others }, isNamed: { type.fields[$0] != nil })
        case (.map(let element, let isAtomic), .object):
            return isAtomic ? .leaf : .map({ _ in element }, isNamed: { _ in false })
        case (.list(let element, let kind), .array): return kind == .atomic ? .leaf : .list(element: element, kind)
        case (.any, .object), (.named, .object): return .map({ _ in .any }, isNamed: { _ in false })
        default: return .leaf
        }
    }

    /// The path element of a list element. Nil if the element lacks its key.
    static func element(_ item: JSON, _ kind: ListKind, _ type: FieldType) -> PathElement? {
        switch kind {
        case .atomic: return nil
        case .set: return item.object == nil && item.array == nil && !item.isNull ? .value(item) : nil
        case .map(let keys):
            guard case .object(let members) = item else { return nil }
            var fields: [String: JSON] = [:]
            for key in keys {
                if let value = members[key] {
                    fields[key] = value
                } else if case .object(let object) = type.resolved, let value = object.fields[key]?.defaultValue {
                    fields[key] = value
                }
            }
            return fields.isEmpty ? nil : .key(fields)
        }
    }

    /// Checks that a value can be merged: it has only known fields, and its list elements are identified and unique.
    func check(_ value: JSON, path: String = "", rejectsDuplicates: Bool = true) throws(TypedFailure) {
        switch (resolved, value) {
        case (_, .null), (.any, _), (.named, _): return
        case (.object(let type), .object(let members)):
            for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                if let field = type.fields[name] {
                    try field.type.check(member, path: path + "." + name, rejectsDuplicates: rejectsDuplicates)
                } else if !type.isOpen {
                    throw TypedFailure(message: "\(path).\(name): field not declared in schema")
                }
            }
        case (.map(let element, _), .object(let members)):
            for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                try element.check(member, path: path + "." + name, rejectsDuplicates: rejectsDuplicates)
            }
        case (.list(let type, let kind), .array(let items)):
            var seen: Set<PathElement> = []
            for (index, item) in items.enumerated() {
                if kind != .atomic {
                    guard let element = Self.element(item, kind, type) else {
                        let what = kind.refusal
                        throw TypedFailure(message: "\(path): element \(index): \(what)")
                    }
                    if !seen.insert(element).inserted, rejectsDuplicates {
                        throw TypedFailure(message: "\(path): duplicate entries for key \(element.shown)")
                    }
                }
                try type.check(item, path: "\(path)[\(index)]", rejectsDuplicates: rejectsDuplicates)
            }
        case (.object, _), (.map, _):
            throw TypedFailure(message: "\(path): expected map, got &{\(GoText.decoded(value))}")
        case (.list, _): throw TypedFailure(message: "\(path): expected list, got &{\(GoText.decoded(value))}")
        case (.string, .string), (.bytes, .string), (.time, .string), (.microTime, .string), (.integer, .int),
            (.integer, .double), (.number, .int), (.number, .double), (.boolean, .bool):
            return
        case (.quantity, .object), (.quantity, .array), (.intOrString, .object), (.intOrString, .array):
            throw TypedFailure(message: "\(path): expected any scalar, got &{\(GoText.decoded(value))}")
        case (.quantity, _), (.intOrString, _): return
        case (.integer, _), (.number, _):
            throw TypedFailure(message: "\(path): expected numeric (int or float), got \(GoText.type(value))")
        case (.boolean, _): throw TypedFailure(message: "\(path): expected boolean, got &{\(GoText.decoded(value))}")
        case (.string, _), (.bytes, _), (.time, _), (.microTime, _):
            throw TypedFailure(
                message: "\(path): expected string, got &value.valueUnstructured{Value:\(GoText.syntax(value))}")
        }
    }

    /// The fields that a value sets, as an applier owns them.
    func fieldSet(of value: JSON) -> FieldSet {
        var set = FieldSet()
        collect(value, path: [], into: &set)
        return set
    }

    private func collect(_ value: JSON, path: [PathElement], into set: inout FieldSet) {
        switch treatment(of: value) {
        case .leaf: set.insert(path[...])
        case .map(let type, let isNamed):
            for (name, member) in value.object ?? [:] {
                let below = path + [.field(name)]
                type(name).collect(member, path: below, into: &set)
                if member.isNull || member.object?.isEmpty == true || !isNamed(name) { set.insert(below[...]) }
            }
        case .list(let element, let kind):
            for item in value.array ?? [] {
                guard let step = Self.element(item, kind, element) else { continue }
                element.collect(item, path: path + [step], into: &set)
                set.insert((path + [step])[...])
            }
        }
    }
}

extension FieldType.ListKind {
    /// The error for an element that nothing identifies.
    fileprivate var refusal: String {
        guard case .map(let keys) = self else { return "set items must be scalars" }
        let names = keys.map { JSON.string($0).shownInErrors }.joined(separator: " ")
        return
            "associative list with keys has an element that omits all key fields [\(names)] (and doesn't have default values "
            + "for any key fields)"
    }
}

/// The differences between two values of a type.
struct Comparison {
    var added = FieldSet()
    var modified = FieldSet()
    var removed = FieldSet()

    var isSame: Bool { added.isEmpty && modified.isEmpty && removed.isEmpty }

    init(_ old: JSON, _ new: JSON, type: FieldType) { walk(old, new, type, []) }

    private mutating func walk(_ old: JSON?, _ new: JSON?, _ type: FieldType, _ path: [PathElement]) {
        if leafOrDescend(old, new, type, path) {
            switch (old, new) {
            case (nil, nil): break
            case (nil, _): added.insert(path[...])
            case (_, nil): removed.insert(path[...])
            case (let old?, let new?): if old != new { modified.insert(path[...]) }
            }
        } else if old == nil {
            added.insert(path[...])
        } else if new == nil {
            removed.insert(path[...])
        }
    }

    /// True if the two are compared as a whole. Otherwise it has compared what is below them.
    private mutating func leafOrDescend(_ old: JSON?, _ new: JSON?, _ type: FieldType, _ path: [PathElement]) -> Bool {
        let (oldItems, newItems) = (old?.count ?? 0, new?.count ?? 0)
        if oldItems == 0, newItems == 0 { return true }
        // A null or absent value takes the form of the other side. Two different forms are treated separately.
        guard let shape = new.flatMap({ $0.isNull ? nil : $0 }) ?? old else { return true }
        if let old, let new, !old.isNull, !new.isNull,
            (old.object == nil) != (new.object == nil) || (old.array == nil) != (new.array == nil)
        {
            return true
        }
        switch type.treatment(of: shape) {
        case .leaf: return true
        case .map(let type, _):
            let (before, after) = (old?.object ?? [:], new?.object ?? [:])
            for name in Set(before.keys).union(after.keys) {
                walk(before[name], after[name], type(name), path + [.field(name)])
            }
        case .list(let element, let kind):
            // Duplicates are compared as a whole, under the one element that names them.
            var (before, after): ([PathElement: [JSON]], [PathElement: [JSON]]) = ([:], [:])
            for item in old?.array ?? [] {
                if let step = FieldType.element(item, kind, element) { before[step, default: []].append(item) }
            }
            for item in new?.array ?? [] {
                if let step = FieldType.element(item, kind, element) { after[step, default: []].append(item) }
            }
            for step in Set(before.keys).union(after.keys) {
                let (was, becomes) = (before[step] ?? [], after[step] ?? [])
                if was.count > 1 || becomes.count > 1 {
                    if was != becomes {
                        if was.isEmpty {
                            added.insert((path + [step])[...])
                        } else if becomes.isEmpty {
                            removed.insert((path + [step])[...])
                        } else {
                            modified.insert((path + [step])[...])
                        }
                    }
                } else {
                    walk(was.first, becomes.first, element, path + [step])
                }
            }
        }
        return false
    }
}

extension JSON {
    /// The number of elements or members; 0 for a scalar.
    fileprivate var count: Int {
        switch self {
        case .array(let elements): elements.count
        case .object(let members): members.count
        default: 0
        }
    }
}
