import JSON

/// The old value that belongs to a new one: by key in objects and maps, and by `x-kubernetes-list-map-keys` in lists of
/// type map. Other lists have none. An unchanged value does not make an update fail ("ratcheting").
struct Correlation {
    let old: JSON
    let schema: StructuralSchema

    func key(_ name: String) -> Correlation? {
        guard let value = old[name], let schema = schema.member(name) else { return nil }
        return Correlation(old: value, schema: schema)
    }

    /// The old element with the same keys as the new one.
    func element(for new: JSON) -> Correlation? {
        guard let items = schema.items, let match = schema.oldElement(for: new, in: old) else { return nil }
        return Correlation(old: match, schema: items)
    }

    /// Whether the new value equals the old one, lists of type map in any order. A member that can't be correlated
    /// counts as changed, as on the real server.
    func isUnchanged(_ new: JSON) -> Bool {
        switch (old, new) {
        case (.null, .null): return true
        case (.object(let before), .object(let after)):
            return before.count == after.count
                && after.allSatisfy { name, value in key(name)?.isUnchanged(value) ?? false }
        case (.array(let before), .array(let after)):
            guard before.count == after.count else { return false }
            guard schema.listType == "map" else { return before == after }
            return after.allSatisfy { element(for: $0)?.isUnchanged($0) ?? false }
        default: return old == new
        }
    }
}

extension StructuralSchema {
    /// The element of an old list of type map that has the same keys; nil for other lists.
    func oldElement(for new: JSON, in old: JSON?) -> JSON? {
        guard listType == "map", !listMapKeys.isEmpty, new.object != nil, let elements = old?.array else { return nil }
        let keys = listMapKeys.map { new[$0] }
        return elements.first { element in element.object != nil && listMapKeys.map { element[$0] } == keys }
    }
}
