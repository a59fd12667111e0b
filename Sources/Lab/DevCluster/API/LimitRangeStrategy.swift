import JSON

struct LimitRangeStrategy: ResourceStrategy {
    /// A default limit is also the default request, unless the object has that too.
    func applyDefaults(to object: inout JSON) {
        guard let limits = object["spec"]?["limits"]?.array else { return }
        object[path: ["spec", "limits"]] = .array(
            limits.map { limit in
                guard limit["type"] == "Container" else { return limit }
                var limit = limit
                func fill(_ field: String, from sources: [String]) {
                    var values = limit[field]?.object ?? [:]
                    for source in sources { values.merge(limit[source]?.object ?? [:]) { own, _ in own } }
                    if !values.isEmpty { limit[field] = .object(values) }
                }
                fill("default", from: ["max"])
                fill("defaultRequest", from: ["default", "min"])
                return limit
            })
    }
}
