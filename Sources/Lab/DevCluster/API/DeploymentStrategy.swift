import JSON

/// Deployments as far as a rollout restart and `kubectl` need them: with defaults and an immutable selector, without pods.
struct DeploymentStrategy: ResourceStrategy {
    func applyDefaults(to object: inout JSON) {
        guard var spec = object["spec"], spec.object != nil else { return }
        for (field, value): (String, JSON) in [
            ("replicas", 1), ("revisionHistoryLimit", 10), ("progressDeadlineSeconds", 600),
        ] where spec[field] == nil {
            spec[field] = value
        }
        var strategy = spec["strategy"] ?? [:]
        if strategy["type"] == nil { strategy["type"] = "RollingUpdate" }
        if strategy["type"] == "RollingUpdate" {
            var steps = strategy["rollingUpdate"] ?? [:]
            for field in ["maxSurge", "maxUnavailable"] where steps[field] == nil { steps[field] = "25%" }
            strategy["rollingUpdate"] = steps
        }
        spec["strategy"] = strategy
        if let pod = spec[path: ["template", "spec"]], pod.object != nil {
            spec[path: ["template", "spec"]] = PodDefaults.applied(to: pod)
        }
        object["spec"] = spec
    }

    func prepareForCreate(_ object: inout JSON) { object["status"] = [:] }
    func prepareForUpdate(_ object: inout JSON, old: JSON) { object["status"] = old["status"] }

    func validate(_ object: JSON, old: JSON?) -> [FieldError] {
        var errors: [FieldError] = []
        let selector = object["spec"]?["selector"]
        let labels = object[path: ["spec", "template", "metadata", "labels"]]?.object ?? [:]
        if selector?.object?.isEmpty ?? true {
            errors.append(.required("spec.selector"))
        } else if let wanted = selector?["matchLabels"]?.object, !wanted.allSatisfy({ labels[$0.key] == $0.value }) {
            errors.append(
                .invalid(
                    "spec.template.metadata.labels", .object(labels), "`selector` does not match template `labels`"))
        }
        if object[path: ["spec", "template", "spec", "containers"]]?.array?.isEmpty ?? true {
            errors.append(.required("spec.template.spec.containers"))
        }
        if let old, old["spec"]?["selector"] != selector {
            errors.append(.invalid("spec.selector", selector ?? .null, "field is immutable"))
        }
        return errors
    }
}
