import JSON

/// Checks the resources and amounts of quotas. Quotas are not enforced here.
struct ResourceQuotaStrategy: ResourceStrategy {
    func prepareForCreate(_ object: inout JSON) { object["status"] = [:] }
    func prepareForUpdate(_ object: inout JSON, old: JSON) { object["status"] = old["status"] }

    func validate(_ object: JSON, old: JSON?) -> [FieldError] {
        let hard = object["spec"]?["hard"]?.object ?? [:]
        return hard.sorted { $0.key < $1.key }.flatMap { name, amount in
            Self.errors(name, amount, at: "spec.hard[\(name)]")
        }
    }

    private static func errors(_ name: String, _ amount: JSON, at path: String) -> [FieldError] {
        var errors: [FieldError] = Names.qualifiedNameProblems(name).map { .invalid(path, .string(name), $0) }
        if !name.contains("/"), !countable.contains(name), !isHugePages(name) {
            if errors.isEmpty, name != "storage" {
                errors.append(.invalid(path, .string(name), "must be a standard resource type or fully qualified"))
            }
            errors.append(.invalid(path, .string(name), "must be a standard resource for quota"))
        }
        let text = amount.string ?? ""
        if text.hasPrefix("-") { errors.append(.invalid(path, amount, "must be greater than or equal to 0")) }
        if isWhole(name), text.hasSuffix("m") || text.contains(".") || text.contains("e-") {
            errors.append(.invalid(path, amount, "must be an integer"))
        }
        return errors
    }

    private static let countedObjects: Set = [
        "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps",
        "persistentvolumeclaims", "services.nodeports", "services.loadbalancers",
    ]
    private static let countable = countedObjects.union([
        "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.storage",
        "requests.ephemeral-storage", "limits.cpu", "limits.memory", "limits.ephemeral-storage",
    ])

    private static func isHugePages(_ name: String) -> Bool {
        name.hasPrefix("hugepages-") || name.hasPrefix("requests.hugepages-")
    }

    /// Counts of objects, and extended resources, whose domain is not Kubernetes' own.
    private static func isWhole(_ name: String) -> Bool {
        countedObjects.contains(name)
            || name.contains("/") && !name.contains("kubernetes.io/") && !name.hasPrefix("requests.")
    }
}
