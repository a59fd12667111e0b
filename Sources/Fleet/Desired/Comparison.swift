import JSON
import KubeObjects

/// What an apply of a desired object would change in the existing object, as a value. It is computed from the object's
/// fields and their managers, without a request.
///
/// The schema of the kind is not known here. A list counts as equal if each wanted item is a part of an existing item.
/// The owners of a list follow from `managedFields`, which show whether the list is one field or its items are fields.
public struct Comparison: Sendable, Hashable {
    /// A field that is not as wanted.
    public struct Field: Sendable, Hashable {
        public var path: String
        /// The other managers that own it.
        public var owners: [String]
    }
    /// The hash of the desired object. The comparison says nothing about any other.
    public let hash: UInt64
    /// Fields that would be added or get another value.
    public let changes: [Field]
    /// Fields that we applied and that are no longer wanted. They are removed unless another manager owns them.
    public let leavers: [Field]
    /// If no field differs: a field that we would own again.
    private let unowned: String?

    /// The most fields of an object that are named.
    public static let mostFields = 16

    /// Nil if the given content is not enough to tell.
    /// - Parameter content: the existing object. Nil if only its metadata is known.
    public init?(of desired: DesiredObject, with metadata: ObjectMeta, content: JSON?) {
        if content == nil, !desired.isMetadataOnly { return nil }
        hash = desired.hash
        var found = content ?? [:]
        found["metadata"] = metadata.comparable
        let form = AppliedForm(
            keepsManagedBy: metadata.hasForeignManagedBy,
            adoptedFromFlyte: desired.type == .namespace && metadata.isFromFlyte)
        var wanted = desired.json(in: form)
        for field in ["apiVersion", "kind"] { wanted[field] = nil }
        for field in ["name", "namespace"] { wanted[path: ["metadata", field]] = nil }
        let owners = Owners(metadata)
        var work = Work(owners: owners)
        work.compare(wanted, found, [])
        changes = work.changes
        leavers = owners.leavers(wanted, found)
        unowned = changes.isEmpty && leavers.isEmpty ? desired.difference(from: metadata) : nil
    }

    /// The result of an apply.
    /// - Parameters:
    ///   - forces: the policy is `conflictPolicy: Force`.
    ///   - takesOver: the object is in a namespace that Flyte made.
    /// - Returns: nil if nothing would be written.
    public func outcome(forces: Bool, takesOver: Bool) -> Outcome? {
        func isTaken(_ manager: String) -> Bool { takesOver && Ownership.yields(manager) }
        if !forces, changes.contains(where: { $0.owners.contains { !isTaken($0) } }) {
            let owned = changes.flatMap { field in
                field.owners.map { ConflictAnswer.Owned(field: field.path, manager: $0) }
            }
            return .conflict(owned)
        }
        let gone = leavers.filter { $0.owners.allSatisfy(isTaken) }
        let fields = Set((changes + gone).map(\.path)).union(unowned.map { [$0] } ?? [])
        // A field that leaves our set but stays in the object changes only its owners.
        return fields.isEmpty && leavers.isEmpty
            ? nil : .change((fields.isEmpty ? leavers.map(\.path) : Array(fields)).sorted())
    }

    public enum Outcome: Sendable, Hashable {
        case change([String])
        case conflict([ConflictAnswer.Owned])
    }
}

extension ObjectMeta {
    /// The metadata that an apply may set.
    fileprivate var comparable: JSON {
        var json: JSON = [:]
        if let labels { json["labels"] = .object(labels.mapValues { .string($0) }) }
        if let annotations { json["annotations"] = .object(annotations.mapValues { .string($0) }) }
        if let finalizers { json["finalizers"] = .array(finalizers.map { .string($0) }) }
        return json
    }
}

extension Comparison {
    private struct Work {
        let owners: Owners
        var changes: [Field] = []

        mutating func compare(_ wanted: JSON, _ found: JSON?, _ path: [String]) {
            switch wanted {
            case .null: return
            case .object(let members) where !members.isEmpty:
                let inner = found?.object
                for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                    compare(member, inner?[name], path + [name])
                }
            case .array(let items):
                if items.isEmpty, found == nil { return }
                let there = found?.array ?? []
                let missing = items.filter { item in !there.contains { item.isPart(of: $0) } }
                if !missing.isEmpty || (items.isEmpty && !there.isEmpty) || found?.array == nil {
                    note(path, found == nil ? [] : owners.ofList(at: path, missing))
                }
            default:
                if wanted == found || (wanted == [:] && found?.object != nil) { return }
                note(path, found == nil ? [] : owners.of(path))
            }
        }

        private mutating func note(_ path: [String], _ owners: [String]) {
            if changes.count < Comparison.mostFields { changes.append(Field(path: path.shown, owners: owners)) }
        }
    }

    /// The managers of an object's fields.
    private struct Owners {
        private var others: [(manager: String, fields: JSON)] = []
        private var ours: [JSON] = []
        /// No managers are recorded. The API server's answer to the first apply will say so.
        private let isUntracked: Bool

        init(_ metadata: ObjectMeta) {
            isUntracked = metadata.managedFields?.isEmpty ?? true
            for entry in metadata.managedFields ?? [] {
                let isOurs =
                    entry.manager == Ownership.fieldManager && (entry.subresource ?? "").isEmpty
                    && entry.operation == ManagedFieldsEntry.Operation.apply.rawValue
                guard let fields = entry.fieldsV1 else { continue }
                if isOurs {
                    ours.append(fields)
                } else {
                    others.append(((entry.manager ?? "").shown(bytes: 128), fields))
                }
            }
        }

        func of(_ path: [String]) -> [String] {
            if isUntracked { return [Ownership.beforeFirstApply] }
            return others.filter { $0.fields.field(at: path) != nil }.map(\.manager)
        }

        /// - Parameter items: the wanted items that are missing or differ.
        func ofList(at path: [String], _ items: [JSON]) -> [String] {
            if isUntracked { return [Ownership.beforeFirstApply] }
            return others.filter { other in
                guard let field = other.fields.field(at: path) else { return false }
                guard let elements = field.object?.keys.filter({ $0 != "." }), !elements.isEmpty else { return true }
                return elements.contains { element in
                    guard element.hasPrefix("k:"), let keys = (try? JSON(parsing: String(element.dropFirst(2))))?.object
                    else { return false }
                    return items.contains { item in keys.allSatisfy { item[$0.key] == nil || item[$0.key] == $0.value }
                    }
                }
            }.map(\.manager)
        }

        /// Fields that we own, that are not wanted, and that still exist.
        func leavers(_ wanted: JSON, _ found: JSON) -> [Field] {
            var result: [Field] = []
            for fields in ours { collect(fields, wanted, found, [], &result) }
            return result
        }

        private func collect(
            _ fields: JSON, _ wanted: JSON?, _ found: JSON?, _ path: [String], _ result: inout [Field]
        ) {
            guard case .object(let members) = fields, let found, result.count < Comparison.mostFields else { return }
            for (key, below) in members.sorted(by: { $0.key < $1.key }) where key.hasPrefix("f:") {
                let name = String(key.dropFirst(2))
                guard let value = found[name] else { continue }
                let inner = wanted?[name]
                if inner == nil || inner?.isNull == true {
                    result.append(Field(path: (path + [name]).shown, owners: of(path + [name])))
                } else {
                    collect(below, inner, value, path + [name], &result)
                }
            }
        }
    }
}

extension JSON {
    /// Whether the other value contains everything that this one has.
    fileprivate func isPart(of other: JSON) -> Bool {
        switch self {
        case .null: true
        case .object(let members):
            members.allSatisfy { name, member in other[name].map { member.isPart(of: $0) } ?? member.isNull }
        case .array(let items):
            items.count == other.array?.count && zip(items, other.array ?? []).allSatisfy { $0.isPart(of: $1) }
        default: self == other
        }
    }

    /// The entry of a `fieldsV1` tree for that path. It may own a part of the path as a whole.
    fileprivate func field(at path: [String]) -> JSON? {
        var fields = self
        for (index, name) in path.enumerated() {
            guard let next = fields["f:" + name] else { return nil }
            fields = next
            if fields == [:], index < path.count - 1 { return fields }
        }
        return fields
    }
}

extension [String] {
    fileprivate var shown: String { map { "." + $0 }.joined() }
}
