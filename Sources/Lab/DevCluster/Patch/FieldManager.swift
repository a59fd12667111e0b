import JSON

/// Server-side apply and the tracking of field managers, for one resource and (sub)resource path.
struct FieldManager: Sendable {
    var type: FieldType
    /// The request's version: `v1`, `apps/v1`.
    var apiVersion: String
    var subresource: String
    /// The fields that this path does not write: status on the main resource, all others on status.
    var resetFields: FieldSet
    /// The object with which an object before its creation is compared.
    var emptyObject: JSON
    /// "2026-01-02T03:04:05Z".
    var now: String

    /// No manager owns these; they are the system's.
    private static let systemFields = FieldSet(paths: [
        ["apiVersion"], ["kind"], ["metadata"], ["metadata", "name"], ["metadata", "namespace"],
        ["metadata", "creationTimestamp"], ["metadata", "selfLink"], ["metadata", "uid"], ["metadata", "clusterName"],
        ["metadata", "generation"], ["metadata", "managedFields"], ["metadata", "resourceVersion"],
    ])

    /// A field that another manager owns and that the configuration changes.
    struct Conflict: Sendable, Hashable {
        var manager: ManagedFields.Manager
        var apiVersion: String
        var path: [PathElement]
    }

    /// The new object with its `managedFields` brought up to date.
    ///
    /// - Parameter live: nil for a create.
    func tracked(live: JSON?, new: JSON, manager: String) -> JSON {
        var managed = managedFields(live: live, new: new)
        // An object without tracked managers that was never applied stays untracked; and so does one whose tracking this
        // very request resets.
        if live != nil, managed.entries.isEmpty {
            return new.withManagedFields(nil)
        }
        let (old, changed) = ((live ?? emptyObject).withManagedFields(nil), new.withManagedFields(nil))
        var own = FieldSet()
        update(old, changed, &managed, applier: nil, own: &own)
        if !own.isEmpty {
            let key = ManagedFields.Manager(
                name: manager, isApplier: false, apiVersion: apiVersion, subresource: subresource)
            let previous = managed.entries[key]?.fields ?? .empty
            managed.entries[key] = ManagedFields.Entry(fields: previous.union(own), apiVersion: apiVersion, time: now)
        }
        managed.capUpdaters()
        return changed.withManagedFields(managed.json)
    }

    /// The managers of the request or, if it has no usable ones, of the live object.
    private func managedFields(live: JSON?, new: JSON) -> ManagedFields {
        let stored = ManagedFields(json: live?["metadata"]?["managedFields"]) ?? ManagedFields()
        guard subresource.isEmpty else { return stored }
        let sent = new["metadata"]?["managedFields"]
        // Clients reset the tracking by a list with one empty entry.
        if sent?.array == [[:]] { return ManagedFields() }
        guard let decoded = ManagedFields(json: sent), !decoded.entries.isEmpty else { return stored }
        return decoded
    }

    /// Takes changed fields away from the other managers and adds them to `own`. The entry of an applier is already in
    /// `managed`.
    @discardableResult
    private func update(
        _ old: JSON, _ new: JSON, _ managed: inout ManagedFields, applier: ManagedFields.Manager?, own: inout FieldSet
    ) -> Comparison {
        let comparison = compare(old, new)
        let changed = comparison.added.union(comparison.modified)
        for (manager, entry) in managed.entries where manager != applier {
            let kept = entry.fields.subtracting(changed).subtracting(comparison.removed)
            managed.entries[manager]?.fields = kept
            if kept.isEmpty { managed.entries[manager] = nil }
        }
        own = own.subtracting(comparison.removed).union(changed)
        return comparison
    }

    private func compare(_ old: JSON, _ new: JSON) -> Comparison {
        var comparison = Comparison(old, new, type: type)
        for path in [\Comparison.added, \.modified, \.removed] {
            comparison[keyPath: path] = comparison[keyPath: path].subtracting(Self.systemFields)
                .subtractingRecursively(resetFields)
        }
        return comparison
    }

    enum ApplyFailure: Error {
        case conflicts([Conflict])
        case invalid(TypedFailure)
    }

    /// The live object (nil for a creation) with the configuration applied.
    ///
    /// If nothing changes, it equals the live object, `managedFields` included.
    func applied(_ configuration: JSON, live: JSON?, manager: String, force: Bool) throws(ApplyFailure) -> JSON {
        let configuration = configuration.withManagedFields(nil)
        do { try type.check(configuration) } catch { throw .invalid(error) }
        var managed = ManagedFields(json: live?["metadata"]?["managedFields"]) ?? ManagedFields()
        let base = (live ?? emptyObject).withManagedFields(nil)
        if live != nil, managed.entries.isEmpty {
            var own = FieldSet()
            update(emptyObject, base, &managed, applier: nil, own: &own)
            if !own.isEmpty {
                let key = ManagedFields.Manager(
                    name: "before-first-apply", isApplier: false, apiVersion: apiVersion, subresource: subresource)
                managed.entries[key] = ManagedFields.Entry(fields: own, apiVersion: apiVersion, time: now)
            }
        }
        let key = ManagedFields.Manager(
            name: manager, isApplier: true, apiVersion: apiVersion, subresource: subresource)
        let last = managed.entries[key]
        let set = type.fieldSet(of: configuration).subtracting(Self.systemFields).subtractingRecursively(resetFields)
        managed.entries[key] = ManagedFields.Entry(fields: set, apiVersion: apiVersion, time: last?.time)

        var merged = type.merged(base, configuration) ?? base
        if let last, !last.fields.isEmpty { merged = pruned(merged, managed: managed, last: last.fields) }

        let comparison = compare(base, merged)
        let changed = comparison.added.union(comparison.modified)
        if !force {
            let conflicts = self.conflicts(managed, with: changed, applier: key)
            if !conflicts.isEmpty { throw .conflicts(conflicts) }
        }
        var own = FieldSet()
        update(base, merged, &managed, applier: key, own: &own)
        if set.isEmpty { managed.entries[key] = nil }
        let isUnchanged = comparison.isSame && (last?.fields ?? .empty) == set && live != nil
        if isUnchanged, let live { return live }
        // A manager that only shares what is there already gets no time.
        if live == nil || merged != base { managed.entries[key]?.time = now }
        return merged.withManagedFields(managed.json)
    }

    private func conflicts(
        _ managed: ManagedFields, with changed: FieldSet, applier: ManagedFields.Manager
    ) -> [Conflict] {
        var result: [Conflict] = []
        let others = managed.entries.filter { $0.key != applier }
            .sorted {
                ($0.key.name, $0.value.time ?? "", $0.key.subresource) < (
                    $1.key.name, $1.value.time ?? "", $1.key.subresource
                )
            }
        for (manager, entry) in others {
            entry.fields.intersection(changed).forEach { path in
                result.append(Conflict(manager: manager, apiVersion: entry.apiVersion, path: path))
            }
        }
        return result
    }

    /// Takes out what the applier set last time and no longer sets, unless another manager owns it.
    private func pruned(_ merged: JSON, managed: ManagedFields, last: FieldSet) -> JSON {
        let last = last.ensuringNamedFieldsAreMembers(type)
        let everybody = managed.entries.values.reduce(FieldSet.empty) { $0.union($1.fields) }
            .ensuringNamedFieldsAreMembers(type)
        let mergedSet = type.fieldSet(of: merged).ensuringNamedFieldsAreMembers(type)
        func left(_ value: JSON) -> FieldSet { type.fieldSet(of: value).ensuringNamedFieldsAreMembers(type) }

        var pruned = type.removing(last, from: merged)
        // Fields of other managers come back, with the path to them.
        pruned = type.removing(mergedSet.subtracting(left(pruned).union(everybody)), from: merged)
        // So do fields that no manager owns, if they were not the applier's.
        return type.removing(mergedSet.subtracting(left(pruned)).intersection(last), from: merged)
    }
}

extension JSON {
    func withManagedFields(_ managed: JSON?) -> JSON {
        guard self["metadata"]?["managedFields"] != managed else { return self }
        var copy = self
        var metadata = copy["metadata"] ?? [:]
        copy["metadata"] = nil
        metadata["managedFields"] = managed
        copy["metadata"] = metadata
        return copy
    }
}

extension FieldManager.Conflict {
    /// `"kubectl" using v1`, with the subresource and, for updaters, their version.
    var who: String {
        var text = "\"\(manager.name)\""
        if !manager.subresource.isEmpty { text += " with subresource \"\(manager.subresource)\"" }
        if !manager.isApplier { text += " using \(apiVersion)" }
        return text
    }
    var field: String { path.map(\.shown).joined() }
}

extension APIError {
    /// "Apply failed with 1 conflict: conflict with "x" using v1: .spec.a".
    static func applyConflicts(_ conflicts: [FieldManager.Conflict]) -> APIError {
        var order: [String] = []
        var fields: [String: [String]] = [:]
        for conflict in conflicts {
            if fields[conflict.who] == nil { order.append(conflict.who) }
            fields[conflict.who, default: []].append(conflict.field)
        }
        let causes = order.flatMap { who in
            (fields[who] ?? []).map {
                Cause(reason: "FieldManagerConflict", message: "conflict with \(who)", field: $0)
            }
        }
        let parts = order.map { who in
            let paths = fields[who] ?? []
            return conflicts.count == 1
                ? "conflict with \(who): \(paths[0])"
                : "conflicts with \(who):\n" + paths.map { "- \($0)" }.joined(separator: "\n")
        }
        let count = causes.count
        return APIError(
            code: 409, reason: "Conflict",
            message: "Apply failed with \(count) conflict\(count == 1 ? "" : "s"): " + parts.joined(separator: "\n"),
            details: Details(causes: causes))
    }
}
