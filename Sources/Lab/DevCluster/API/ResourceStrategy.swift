import JSON

/// What one kind does to its objects before they are stored, in addition to what all kinds do.
protocol ResourceStrategy: Sendable {
    /// Fills in values when an object is read from a request. The sender owns them.
    func applyDefaults(to object: inout JSON)
    func prepareForCreate(_ object: inout JSON)
    /// `object` is what a request to the main resource wants; `old` is the stored object.
    func prepareForUpdate(_ object: inout JSON, old: JSON)
    /// What is wrong with a name of this kind. Empty for a good name.
    func nameProblems(_ name: String) -> [String]
    /// `old` is nil for a create.
    func validate(_ object: JSON, old: JSON?) -> [FieldError]
    /// Refuses a deletion.
    func validateDelete(_ object: JSON) throws(APIError)
}

extension ResourceStrategy {
    func applyDefaults(to object: inout JSON) {}
    func prepareForCreate(_ object: inout JSON) {}
    func prepareForUpdate(_ object: inout JSON, old: JSON) {}
    func nameProblems(_ name: String) -> [String] { Names.subdomainProblems(name) }
    func validate(_ object: JSON, old: JSON?) -> [FieldError] { [] }
    func validateDelete(_ object: JSON) throws(APIError) {}
}

struct PlainStrategy: ResourceStrategy {}

/// For kinds whose controllers write `status`. Requests to the main resource leave it alone.
struct StatusStrategy: ResourceStrategy {
    func prepareForCreate(_ object: inout JSON) { object["status"] = [:] }
    func prepareForUpdate(_ object: inout JSON, old: JSON) { object["status"] = old["status"] }
}

struct RBACStrategy: ResourceStrategy {
    func nameProblems(_ name: String) -> [String] { Names.pathSegmentProblems(name) }
    func validate(_ object: JSON, old: JSON?) -> [FieldError] {
        var errors: [FieldError] = []
        for (index, rule) in (object["rules"]?.array ?? []).enumerated() where (rule["verbs"]?.array ?? []).isEmpty {
            errors.append(.required("rules[\(index)].verbs", "verbs must contain at least one value"))
        }
        if object["kind"]?.string?.hasSuffix("Binding") == true {
            if (object["roleRef"]?["name"]?.string ?? "").isEmpty { errors.append(.required("roleRef.name")) }
            if let old, old["roleRef"] != object["roleRef"] {
                errors.append(.invalid("roleRef", Self.internalForm(object["roleRef"]), "cannot change roleRef"))
            }
        }
        return errors
    }
    /// The real server shows its internal type here, in Go's names.
    private static func internalForm(_ role: JSON?) -> JSON {
        ["APIGroup": role?["apiGroup"] ?? "", "Kind": role?["kind"] ?? "", "Name": role?["name"] ?? ""]
    }
    func applyDefaults(to object: inout JSON) {
        if var role = object["roleRef"], (role["apiGroup"]?.string ?? "").isEmpty {
            role["apiGroup"] = "rbac.authorization.k8s.io"
            object["roleRef"] = role
        }
        if let subjects = object["subjects"]?.array {
            object["subjects"] = .array(
                subjects.map { subject in
                    var subject = subject
                    if subject["kind"]?.string != "ServiceAccount", (subject["apiGroup"]?.string ?? "").isEmpty {
                        subject["apiGroup"] = "rbac.authorization.k8s.io"
                    }
                    return subject
                })
        }
    }
}

struct ConfigMapStrategy: ResourceStrategy {
    func validate(_ object: JSON, old: JSON?) -> [FieldError] {
        var errors: [FieldError] = []
        for (field, other) in [("data", "binaryData"), ("binaryData", "data")] {
            for key in (object[field]?.object ?? [:]).keys.sorted() {
                errors += Names.configKeyProblems(key).map { .invalid("\(field)[\(key)]", .string(key), $0) }
                if field == "data", object[other]?[key] != nil {
                    errors.append(.invalid("data[\(key)]", .string(key), "duplicate of key present in binaryData"))
                }
            }
        }
        if let old { errors += Immutability.errors(object, old: old, fields: ["data", "binaryData"]) }
        return errors
    }
}

enum Immutability {
    /// The errors of an update of a ConfigMap or Secret with `immutable: true`.
    static func errors(_ object: JSON, old: JSON, fields: [String]) -> [FieldError] {
        guard old["immutable"]?.bool == true else { return [] }
        var errors: [FieldError] = []
        if object["immutable"]?.bool != true {
            errors.append(.forbidden("immutable", "field is immutable when `immutable` is set"))
        }
        for field in fields where object[field] != old[field] {
            errors.append(.forbidden(field, "field is immutable when `immutable` is set"))
        }
        return errors
    }
}
