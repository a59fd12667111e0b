import JSON
import Support

struct SecretStrategy: ResourceStrategy {
    func applyDefaults(to object: inout JSON) {
        if (object["type"]?.string ?? "").isEmpty { object["type"] = "Opaque" }
        // stringData is only a way to write data. It is never stored.
        if let texts = object["stringData"]?.object {
            var data = object["data"]?.object ?? [:]
            for (key, text) in texts { data[key] = .string(Base64.encode((text.string ?? "").utf8)) }
            if !data.isEmpty { object["data"] = .object(data) }
        }
        object["stringData"] = nil
    }

    func validate(_ object: JSON, old: JSON?) -> [FieldError] {
        var errors: [FieldError] = []
        let data = object["data"]?.object ?? [:]
        for key in data.keys.sorted() {
            errors += Names.configKeyProblems(key).map { .invalid("data[\(key)]", .string(key), $0) }
        }
        let type = object["type"]?.string ?? "Opaque"
        switch type {
        case "kubernetes.io/service-account-token":
            let annotation = "kubernetes.io/service-account.name"
            if (object[path: ["metadata", "annotations", annotation]]?.string ?? "").isEmpty {
                errors.append(.required("metadata.annotations[\(annotation)]"))
            }
        case "kubernetes.io/dockerconfigjson":
            if data[".dockerconfigjson"] == nil { errors.append(.required("data[.dockerconfigjson]")) }
        case "kubernetes.io/tls":
            for key in ["tls.crt", "tls.key"] where data[key] == nil { errors.append(.required("data[\(key)]")) }
        default: break
        }
        let size = data.values.reduce(0) { $0 + ($1.string?.utf8.count ?? 0) * 3 / 4 }
        if size > 1 << 20 {
            errors.append(.tooLong("data", limit: 1 << 20))
        }
        if let old {
            if old["type"]?.string ?? "Opaque" != type {
                errors.append(.invalid("type", .string(type), "field is immutable"))
            }
            errors += Immutability.errors(object, old: old, fields: ["data"])
        }
        return errors
    }
}
