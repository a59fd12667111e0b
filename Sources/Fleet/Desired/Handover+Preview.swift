import JSON

extension Handover {
    /// The result of an apply after the handover, from the answer to a dry run without it: a dry run stores no handover, so
    /// that in its answer a field that we give up stays Flyte's.
    ///
    /// - Parameters:
    ///   - answer: to the dry run.
    ///   - before: `metadata.managedFields` of the object as it is.
    public static func preview(_ answer: JSON, before: JSON?) -> JSON {
        guard case .array(let old)? = before, case .array(let handed)? = managedFields(before) else { return answer }
        let others = (answer[path: ["metadata", "managedFields"]]?.array ?? []).filter { !yields($0) }
            .compactMap { $0["fieldsV1"] }
        let kept = handed.filter(yields).compactMap { $0["fieldsV1"] }
        return old.filter(yields).compactMap { $0["fieldsV1"] }.reduce(answer) { object, fields in
            // Flyte's, but neither what Flyte keeps nor what anybody owns after the apply.
            removed((kept + others).reduce(fields) { subtract($1, from: $0) }, from: object)
        }
    }

    private static func yields(_ entry: JSON) -> Bool {
        (entry["subresource"]?.string ?? "").isEmpty && entry["manager"]?.string.map { Ownership.yields($0) } ?? false
    }

    /// A value without the fields of a `fieldsV1` tree. An object that becomes empty goes with them.
    private static func removed(_ fields: JSON, from value: JSON) -> JSON {
        guard case .object(let tree) = fields else { return value }
        var value = value
        for (key, below) in tree where key != "." {
            let name = String(key.dropFirst(2))
            switch (key.prefix(2), value) {
            case ("f:", .object(var members)):
                guard let member = members[name] else { continue }
                let rest = below == [:] ? [:] : removed(below, from: member)
                if rest == [:], member != [:] { members.removeValue(forKey: name) } else { members[name] = rest }
                value = .object(members)
            case ("k:", .array(let items)):
                guard let names = (try? JSON(parsing: name))?.object else { continue }
                value = .array(
                    items.compactMap { item -> JSON? in
                        guard names.allSatisfy({ item[$0.key] == $0.value }) else { return item }
                        let rest = removed(below, from: item)
                        // Its keys go last, since they are what is left of it.
                        if let left = rest.object, Set(left.keys).isSubset(of: names.keys) { return Optional.none }
                        return rest
                    })
            case ("v:", .array(let items)):
                let wanted = try? JSON(parsing: name)
                value = .array(items.filter { $0 != wanted })
            default: continue
            }
        }
        return value
    }
}
