import JSON

/// Events are stored as core/v1; `events.k8s.io/v1` has other names for the same fields.
enum EventConversion {
    private static let names = [
        ("involvedObject", "regarding"), ("message", "note"), ("reportingComponent", "reportingController"),
        ("source", "deprecatedSource"), ("firstTimestamp", "deprecatedFirstTimestamp"),
        ("lastTimestamp", "deprecatedLastTimestamp"), ("count", "deprecatedCount"),
    ]

    static func fromCore(_ event: JSON) -> JSON {
        var members = event.object ?? [:]
        for (core, v1) in names { if let value = members.removeValue(forKey: core) { members[v1] = value } }
        members["apiVersion"] = "events.k8s.io/v1"
        return .object(members)
    }

    /// Errors name fields as the stored form does.
    static func coreName(_ field: String) -> String { names.first { $0.1 == field }?.0 ?? field }

    static func toCore(_ event: JSON) -> JSON {
        var members = event.object ?? [:]
        for (core, v1) in names { if let value = members.removeValue(forKey: v1) { members[core] = value } }
        members["apiVersion"] = "v1"
        return .object(members)
    }
}

/// The rules of events.k8s.io/v1; core events are checked for their namespace only.
struct EventStrategy: ResourceStrategy {
    var isNew: Bool

    func validate(_ object: JSON, old: JSON?) -> [FieldError] {
        var errors: [FieldError] = []
        let about = object[isNew ? "regarding" : "involvedObject"]?["namespace"]?.string ?? ""
        let namespace = object["metadata"]?["namespace"]?.string ?? ""
        if about.isEmpty ? namespace != "default" && namespace != "kube-system" : about != namespace {
            errors.append(.invalid("involvedObject.namespace", .string(about), "does not match event.namespace"))
        }
        guard isNew else { return errors }
        if old == nil {
            if (object["eventTime"]?.string ?? "").isEmpty {
                errors.append(.required("eventTime"))
            } else {
                for field in ["reportingController", "reportingInstance", "action", "reason"] {
                    let text = object[field]?.string ?? ""
                    if text.isEmpty { errors.append(.required(field)) }
                    if field == "reportingController" {
                        errors += Names.qualifiedNameProblems(text).map { .invalid(field, .string(text), $0) }
                    } else if text.utf8.count > 128 {
                        errors.append(.invalid(field, .string(text), "can have at most 128 characters"))
                    }
                }
            }
            if (object["note"]?.string?.utf8.count ?? 0) > 1024 {
                errors.append(.invalid("message", "", "can have at most 1024 characters"))
            }
            if !["Normal", "Warning"].contains(object["type"]?.string ?? "") {
                errors.append(
                    .invalid("type", object["type"] ?? "", "has invalid value: \(object["type"]?.string ?? "")"))
            }
        } else if let old {
            for field in [
                "regarding", "reportingController", "reportingInstance", "action", "reason", "note", "type", "related",
                "eventTime",
            ] where old[field] != object[field] {
                errors.append(.invalid(EventConversion.coreName(field), object[field] ?? .null, "field is immutable"))
            }
        }
        return errors
    }
}

struct LeaseStrategy: ResourceStrategy {
    func validate(_ object: JSON, old: JSON?) -> [FieldError] {
        var errors: [FieldError] = []
        if let seconds = object["spec"]?["leaseDurationSeconds"]?.int, seconds <= 0 {
            errors.append(.invalid("spec.leaseDurationSeconds", .int(seconds), "must be greater than 0"))
        }
        if let count = object["spec"]?["leaseTransitions"]?.int, count < 0 {
            errors.append(.invalid("spec.leaseTransitions", .int(count), "must be greater than or equal to 0"))
        }
        if let holder = object["spec"]?["holderIdentity"]?.string, holder.isEmpty {
            errors.append(.invalid("spec.holderIdentity", "", "must not be empty"))
        }
        return errors
    }
}
