import Fleet
import JSON

/// Flyte's `cluster_resources` as the registry's `import`. A value that can't be taken over is reported with its line.
struct ImportedClusterResources: Sendable {
    private(set) var templateData: TemplateValues = [:]
    private(set) var customData: [String: TemplateValues] = [:]
    private(set) var gaps: [ImportGap] = []

    init(_ sections: [ImportNode]) {
        for section in sections {
            if let data = section["templateData"] { read(data, "templateData") { $0.templateData[$1] = $2 } }
            guard let data = section["customData"] else { continue }
            for (domain, values) in Self.entries(data) {
                if customData[domain] == nil { customData[domain] = [:] }
                read(values, "customData.\(domain.shortForMessage)") { $0.customData[domain]?[$1] = $2 }
            }
        }
    }

    var isEmpty: Bool { templateData.isEmpty && customData.isEmpty }

    /// The registry's field.
    var json: JSON {
        func values(_ values: TemplateValues) -> JSON { .object(values.mapValues { .string($0.text) }) }
        var json: JSON = [:]
        if !templateData.isEmpty { json["templateData"] = values(templateData) }
        let domains = customData.filter { !$0.value.isEmpty }
        if !domains.isEmpty { json["customData"] = .object(domains.mapValues(values)) }
        return json
    }

    /// A map, or a list of maps.
    private static func entries(_ node: ImportNode) -> [(key: String, value: ImportNode)] {
        node.members.isEmpty ? node.elements.flatMap(\.members) : node.members
    }

    private mutating func read(
        _ node: ImportNode, _ path: String, _ take: (inout Self, String, TemplateValue) -> Void
    ) {
        var seen: Set<String> = []
        for (name, value) in Self.entries(node) {
            let shown = "\(path).\(name.shortForMessage)"
            func refuse(_ message: String) { gaps.append(value.gap("\(shown): \(message)")) }
            if let problem = ValueRules.problem(ofName: name) {
                refuse(problem)
            } else if !seen.insert(name).inserted {
                refuse("is there twice")
            } else if value["valueFrom"] != nil {
                refuse(
                    "comes from flyteadmin's environment or files (valueFrom), which can't be read here: put it into a Secret "
                        + "or ConfigMap and name that in spec.valuesFrom")
            } else if let text = (value["value"] ?? value).text {
                if HelmExpressions.isIn(text) {
                    refuse(HelmExpressions.advice)
                } else {
                    take(&self, name, .string(text))
                }
            } else {
                refuse("has no value")
            }
        }
    }
}
