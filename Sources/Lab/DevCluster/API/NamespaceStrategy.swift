import JSON

struct NamespaceStrategy: ResourceStrategy {
    static let nameLabel = "kubernetes.io/metadata.name"

    func nameProblems(_ name: String) -> [String] { Names.labelProblems(name) }

    func applyDefaults(to object: inout JSON) {
        // The label is part of the kind's defaulting, so the creator owns it.
        guard let name = object["metadata"]?["name"]?.string, !name.isEmpty else { return }
        var labels = object["metadata"]?["labels"]?.object ?? [:]
        labels[Self.nameLabel] = .string(name)
        object[path: ["metadata", "labels"]] = .object(labels)
    }

    func prepareForCreate(_ object: inout JSON) {
        object["status"] = ["phase": "Active"]
        var finalizers = object["spec"]?["finalizers"]?.array ?? []
        if !finalizers.contains("kubernetes") { finalizers.append("kubernetes") }
        object["spec"] = ["finalizers": .array(finalizers)]
        object[path: ["metadata", "labels", Self.nameLabel]] = object["metadata"]?["name"]
    }

    func prepareForUpdate(_ object: inout JSON, old: JSON) {
        object["spec"] = old["spec"]
        object["status"] = old["status"]
    }

    func validateDelete(_ object: JSON) throws(APIError) {
        let name = object["metadata"]?["name"]?.string ?? ""
        if ["default", "kube-system", "kube-public"].contains(name) {
            throw .forbidden(.namespaces, name, "this namespace may not be deleted")
        }
    }
}
