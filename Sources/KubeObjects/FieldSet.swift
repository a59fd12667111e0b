import JSON

/// A step from a value to a part of it, as `managedFields` writes them (structured-merge-diff,
/// `fieldpath/serialize-pe.go`).
public enum FieldPathElement: Sendable, Hashable {
    /// A member of an object: `f:metadata`.
    case field(String)
    /// An element of a list of objects, by the values of its keys: `k:{"containerPort":80,"protocol":"TCP"}`.
    case key([String: JSON])
    /// An element of a set of scalars: `v:"example.org/finalizer"`.
    case value(JSON)
    /// An element by position: `i:0`.
    case index(Int)
}

/// The set of fields of a `fieldsV1` tree.
public struct FieldSet: Sendable, Hashable {
    /// Paths that end here are in the set.
    public private(set) var members: Set<FieldPathElement> = []
    public private(set) var children: [FieldPathElement: FieldSet] = [:]

    public init() {}

    /// A node itself is in the set if it is empty (`{}`) or has a member `.`. It may have children as well. Keys of an
    /// unknown form are skipped, as the format demands.
    public init(fieldsV1 json: JSON) throws(DecodingFailure) {
        for (key, child) in try Fields(json).members where key != "." {
            guard let element = FieldPathElement(fieldsV1Key: key) else { continue }
            guard case .object(let grandchildren) = child else { throw .expected("an object", found: child, at: key) }
            if grandchildren.isEmpty || grandchildren["."] != nil { members.insert(element) }
            if grandchildren.keys.contains(where: { $0 != "." }) {
                do { children[element] = try FieldSet(fieldsV1: child) } catch { throw error.under(key) }
            }
        }
    }
}

extension FieldSet {
    /// Whether everything that `value` gives at this place is in the set. If so, it is still as its manager applied it,
    /// since a change by another manager takes the field out of the set.
    ///
    /// This does not know the kind's schema, so it uses the shape of the set. A list or map that is in the set without
    /// children was applied as a whole (atomic). One with children was merged by keys, values or positions. An empty
    /// object is in the set itself, whatever its kind. An empty list is in the set only if it is atomic; an empty
    /// merged list leaves no trace. Only the schema tells these two apart, so an empty list counts as covered. So does
    /// null, which asks for nothing.
    public func covers(_ value: JSON) -> Bool {
        switch value {
        case .object(let members):
            members.allSatisfy { name, member in covers(member, at: .field(name)) }
        case .array(let items): items.enumerated().allSatisfy { covers($0.element, atIndex: $0.offset) }
        default: true
        }
    }

    private func covers(_ item: JSON, atIndex index: Int) -> Bool {
        if members.contains(.value(item)) || members.contains(.index(index)) { return true }
        if let child = children[.index(index)], child.covers(item) { return true }
        // A key that the item leaves out has its default, such as `protocol: TCP`.
        func isKey(_ element: FieldPathElement) -> Bool {
            guard case .key(let keys) = element else { return false }
            return keys.allSatisfy { item[$0.key] == nil || item[$0.key] == $0.value }
        }
        // An item without parts of its own (atomic) is in the set as a whole.
        return children.contains { isKey($0.key) && $0.value.covers(item) }
            || members.contains { isKey($0) && children[$0] == nil }
    }

    private func covers(_ value: JSON, at element: FieldPathElement) -> Bool {
        switch value {
        case .null: return true
        case .array(let inner) where inner.isEmpty: return true
        case .object, .array:
            if let child = children[element] { return child.covers(value) }
            return members.contains(element)
        default: return members.contains(element)
        }
    }
}

extension FieldPathElement {
    /// Nil for an unknown form.
    init?(fieldsV1Key key: String) {
        let body = String(key.dropFirst(2))
        switch key.prefix(2) {
        case "f:": self = .field(body)
        case "k:":
            guard let keys = (try? JSON(parsing: body))?.object else { return nil }
            self = .key(keys)
        case "v:":
            guard let value = try? JSON(parsing: body) else { return nil }
            self = .value(value)
        case "i:":
            guard let index = Int(body) else { return nil }
            self = .index(index)
        default: return nil
        }
    }
}

extension ManagedFieldsEntry {
    /// Whether it names what that manager owns by server-side apply.
    public func isApplied(by manager: String) -> Bool {
        self.manager == manager && operation == Operation.apply.rawValue && subresource == nil
    }

    /// The values of `operation`.
    public enum Operation: String, Sendable, Hashable { case apply = "Apply", update = "Update" }

    /// Whether `wanted` gives everything that the manager owns, as far as fields name it; keys and positions in lists are
    /// not compared. True without `fieldsV1`. It walks the tree as it came, since this runs for each object that is seen.
    public func isCovered(by wanted: NamedFields) -> Bool {
        fieldsV1.map { Self.isCovered($0, by: wanted.json) } ?? true
    }

    private static func isCovered(_ fields: JSON, by wanted: JSON) -> Bool {
        guard case .object(let members) = fields else { return true }
        return members.allSatisfy { name, below in
            guard let field = wanted[name] else { return !name.utf8.starts(with: NamedFields.prefix.utf8) }
            return field.isNull || isCovered(below, by: field)
        }
    }

    /// Whether the manager owns everything that `wanted` gives. The rules are those of `FieldSet.covers`. False without
    /// `fieldsV1`. It walks the tree as it came, since this runs for each object that is seen.
    public func owns(_ wanted: NamedFields) -> Bool { fieldsV1.map { Self.owns($0, wanted.json) } ?? false }

    private static func owns(_ fields: JSON, _ wanted: JSON) -> Bool {
        // Elements of lists have keys to compare, which a set does.
        guard case .object(let members) = wanted else {
            return (try? FieldSet(fieldsV1: fields))?.covers(wanted) ?? false
        }
        return members.allSatisfy { name, member in
            if member.isNull || member == [] { return true }
            guard case .object(let below)? = fields[name] else { return false }
            let isInSet = below.isEmpty || below["."] != nil
            let hasParts = below.count > (below["."] == nil ? 0 : 1)
            switch member {
            case .object where hasParts, .array where hasParts: return owns(.object(below), member)
            default: return isInSet
            }
        }
    }

    /// Nil if there are none or they can't be read.
    public var fieldSet: FieldSet? { fieldsV1.flatMap { try? FieldSet(fieldsV1: $0) } }
}

extension ObjectMeta {
    /// What the manager owns of the object by server-side apply.
    public func applied(by manager: String) -> [ManagedFieldsEntry] {
        (managedFields ?? []).filter { $0.isApplied(by: manager) }
    }

    /// Whether the manager owns anything of the object by server-side apply.
    public func isApplied(by manager: String) -> Bool {
        managedFields?.contains { $0.isApplied(by: manager) } ?? false
    }
}

/// A value whose members have the names that `managedFields` gives them: `f:spec` for `spec`. What is in arrays stays as it
/// is.
///
/// It is made once of each wanted object. To make these names again for each object that is seen took a thirtieth of the
/// operator's CPU after a restart.
public struct NamedFields: Sendable, Hashable {
    static let prefix = "f:"
    let json: JSON

    /// - Parameter names: members of the value itself that are left out.
    public init(_ value: JSON, leavingOut names: Set<String> = []) {
        guard case .object(let members) = value else {
            json = value
            return
        }
        json = Self.named(.object(names.isEmpty ? members : members.filter { !names.contains($0.key) }))
    }

    private static func named(_ value: JSON) -> JSON {
        guard case .object(let members) = value else { return value }
        var named = [String: JSON](minimumCapacity: members.count)
        for (name, member) in members { named[prefix + name] = Self.named(member) }
        return .object(named)
    }
}
