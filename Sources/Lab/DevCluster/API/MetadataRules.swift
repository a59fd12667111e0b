import JSON

/// The rules for the metadata of every kind.
enum MetadataRules {
    static func errors(_ object: JSON, definition: ResourceDefinition) -> [FieldError] {
        let metadata = object["metadata"] ?? [:]
        var errors: [FieldError] = []
        let name = metadata["name"]?.string ?? ""
        let prefix = metadata["generateName"]?.string ?? ""
        if !prefix.isEmpty {
            // A prefix may end in a dash.
            var rest = prefix[...]
            while rest.last == "-" { rest.removeLast() }
            let stem = rest.count == prefix.count ? prefix : rest + "a"
            errors += definition.strategy.nameProblems(stem).map {
                .invalid("metadata.generateName", .string(prefix), $0)
            }
        }
        if name.isEmpty {
            errors.append(.required("metadata.name", "name or generateName is required"))
        } else {
            errors += definition.strategy.nameProblems(name).map { .invalid("metadata.name", .string(name), $0) }
        }
        for (key, value) in (metadata["labels"]?.object ?? [:]).sorted(by: { $0.key < $1.key }) {
            errors += Names.qualifiedNameProblems(key).map { .invalid("metadata.labels", .string(key), $0) }
            if let problem = Names.labelValueProblem(value.string ?? "") {
                errors.append(.invalid("metadata.labels", value, problem))
            }
        }
        var size = 0
        for (key, value) in (metadata["annotations"]?.object ?? [:]).sorted(by: { $0.key < $1.key }) {
            size += key.utf8.count + (value.string?.utf8.count ?? 0)
            errors += Names.qualifiedNameProblems(key.lowercased()).map {
                .invalid("metadata.annotations", .string(key), $0)
            }
        }
        if size > 256 << 10 {
            errors.append(.tooLong("metadata.annotations", limit: 256 << 10))
        }
        for (index, finalizer) in (metadata["finalizers"]?.array ?? []).enumerated() {
            let text = finalizer.string ?? ""
            if let problem = Names.qualifiedNameProblem(text) {
                errors.append(.invalid("metadata.finalizers[\(index)]", finalizer, problem))
            } else if !text.contains("/"), !["kubernetes", "orphan", "foregroundDeletion"].contains(text) {
                errors.append(
                    .invalid(
                        "metadata.finalizers[\(index)]", finalizer,
                        "name is neither a standard finalizer name nor is it fully qualified"))
            }
        }
        for (index, owner) in (metadata["ownerReferences"]?.array ?? []).enumerated() {
            for field in ["apiVersion", "kind", "name", "uid"] where (owner[field]?.string ?? "").isEmpty {
                errors.append(.invalid("metadata.ownerReferences[\(index)].\(field)", "", "must not be empty"))
            }
        }
        if let managed = metadata["managedFields"], ManagedFields(json: managed) == nil {
            errors.append(.invalid("metadata.managedFields", "", "entries must name an operation and hold FieldsV1"))
        }
        return errors
    }

    /// The errors of an update that changes what must not change.
    static func updateErrors(_ object: JSON, old: JSON) -> [FieldError] {
        let (new, old) = (object["metadata"] ?? [:], old["metadata"] ?? [:])
        var errors: [FieldError] = []
        if old["deletionTimestamp"] != nil {
            let before = Set((old["finalizers"]?.array ?? []).compactMap(\.string))
            let added = (new["finalizers"]?.array ?? []).compactMap(\.string).filter { !before.contains($0) }
            if !added.isEmpty {
                let list = added.map { JSON.string($0).shownInErrors }.joined(separator: ", ")
                errors.append(
                    .forbidden(
                        "metadata.finalizers",
                        "no new finalizers can be added if the object is being deleted, found new finalizers []string{\(list)}"
                    ))
            }
        }
        for field in [
            "name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
        ]
        where new[field] != old[field] {
            errors.append(.invalid("metadata.\(field)", new[field] ?? .null, "field is immutable"))
        }
        // The real server checks twice: for all kinds, and again in the kind's own rules. Its causes show both.
        return errors + errors
    }

    /// Adds from the stored object what requests need not repeat and can't change.
    static func complete(_ object: JSON, from old: JSON) -> JSON {
        var new = object["metadata"] ?? [:]
        let old = old["metadata"] ?? [:]
        for field in [
            "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "namespace", "name",
        ]
        where new[field] == nil || new[field]?.string == "" {
            new[field] = old[field]
        }
        new["generation"] = old["generation"]
        new["resourceVersion"] = old["resourceVersion"]
        new["selfLink"] = nil
        var object = object
        object["metadata"] = new
        return object
    }
}
