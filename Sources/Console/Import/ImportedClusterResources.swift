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
            var seen: Set<String> = []
            for (domain, values) in entries(data, "customData") {
                let shown = "customData.\(domain.shortForMessage)"
                guard seen.insert(domain).inserted else {
                    gaps.append(values.gap("\(shown): is there twice"))
                    continue
                }
                if customData[domain] == nil { customData[domain] = [:] }
                read(values, shown) { $0.customData[domain]?[$1] = $2 }
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

    /// The entries of a map, or of a list of maps. What is neither is reported.
    private mutating func entries(_ node: ImportNode, _ path: String) -> [(key: String, value: ImportNode)] {
        if node.isNull { return [] }
        if node.node.mapping != nil { return node.members }
        guard node.node.sequence != nil else {
            gaps.append(node.gap("\(path): is neither a map nor a list of maps"))
            return []
        }
        for element in node.elements where element.node.mapping == nil && !element.isNull {
            gaps.append(element.gap("\(path): an entry of the list is not a map"))
        }
        return node.elements.flatMap(\.members)
    }

    private mutating func read(
        _ node: ImportNode, _ path: String, _ take: (inout Self, String, TemplateValue) -> Void
    ) {
        var seen: Set<String> = []
        for (name, value) in entries(node, path) {
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
