import JSON
import KubeObjects

/// What an apply of a desired object would change in the object that is there, as a value: told from its fields and their
/// managers, without asking the server.
///
/// A kind's schema is not known here. A list counts as equal where each wanted item is a part of an item that is there; whom
/// a list belongs to follows from `managedFields`, which say whether it is one field or has its items as fields.
public struct Comparison: Sendable, Hashable {
    /// A field that is not as it is wanted.
    public struct Field: Sendable, Hashable {
        public var path: String
        /// Managers other than us that own it.
        public var owners: [String]
    }
    /// Of the desired object: for another one it says nothing.
    public let hash: UInt64
    /// Fields that would get another value, or be there at all.
    public let changes: [Field]
    /// Fields that we applied and that are wanted no more. They go where no other manager owns them.
    public let leavers: [Field]
    /// Where no field differs: what we would own again.
    private let unowned: String?

    /// So many fields of an object are named.
    public static let mostFields = 16

    /// - Parameter content: the object as it is; of one whose metadata is all that is known, nil. Nil is answered where that
    ///   is not enough to tell.
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

    /// What would come of it.
    /// - Parameters:
    ///   - forces: with `conflictPolicy: Force`.
    ///   - takesOver: it is in a namespace that Flyte made.
    /// - Returns: nil where nothing would be written.
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
        // What leaves the object and stays in it all the same is a change of owners.
        return fields.isEmpty && leavers.isEmpty
            ? nil : .change((fields.isEmpty ? leavers.map(\.path) : Array(fields)).sorted())
    }

    public enum Outcome: Sendable, Hashable {
        case change([String])
        case conflict([ConflictAnswer.Owned])
    }
}

extension ObjectMeta {
    /// What of it an apply may set.
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
        /// Nobody's fields are noted: the API server will say so with the first apply.
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

        /// - Parameter items: those that are not there as they are wanted.
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

        /// Fields that we own and that are not wanted, if they are still there.
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
    /// Whether everything that this says is so in the other one, too.
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

    /// Of a `fieldsV1` tree, what is at that path; also where a part of the path is owned as a whole.
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
