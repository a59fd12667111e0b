import Fleet
import JSON

/// Names of objects, made from Flyte's names, each used once.
struct ImportNames: Sendable {
    private var taken: Set<String> = []

    /// Whether this is the first object of the kind with that name.
    mutating func isNew(_ kind: String, _ name: String) -> Bool { taken.insert("\(kind)\n\(name)").inserted }

    /// `dataplane_1` → `dataplane-1`. A name that is taken gets a number.
    mutating func objectName(_ text: String, of kind: String) -> String {
        let base = Self.dnsName(text)
        var name = base
        var number = 2
        while !isNew("object of \(kind)", name) {
            name = "\(base)-\(number)"
            number += 1
        }
        return name
    }

    static func dnsName(_ text: String) -> String {
        var name = ""
        for scalar in text.lowercased().unicodeScalars.prefix(200) {
            let isPlain = ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar)
            name.unicodeScalars.append(isPlain ? scalar : "-")
        }
        while name.hasPrefix("-") { name.removeFirst() }
        while name.hasSuffix("-") { name.removeLast() }
        return name.isEmpty ? "imported" : name
    }

    static func object(_ kind: String, _ name: String, _ spec: JSON) -> JSON {
        [
            "apiVersion": .string(FleetGroup.name + "/v1alpha1"), "kind": .string(kind),
            "metadata": ["name": .string(name)], "spec": spec,
        ]
    }
}

extension JSON {
    /// With the other's members in place of its own.
    func overlaid(with other: JSON?) -> JSON {
        guard let members = other?.object else { return self }
        var result = self
        for (key, value) in members { result[key] = value.isNull ? JSON?.none : value }
        return result
    }
}

extension JSON {
    /// For members that are themselves laid over something later.
    fileprivate func overlaidKeepingNulls(with other: JSON) -> JSON {
        .object((object ?? [:]).merging(other.object ?? [:]) { $1 })
    }
}

/// What `squadron export` has written beside Flyte's own values, since Flyte has no place for it. With it, an import
/// gives what was exported. By cluster, by label, by assignment.
struct KeptByExport: Sendable, Hashable {
    static let key = "squadron"

    /// `{name, spec}`: the object's name, and the fields of its spec that don't follow from `clusterConfigs`.
    var dataPlanes: [String: JSON] = [:]
    /// The objects' names.
    var labels: [String: String] = [:]
    /// By "project/domain/workflow".
    var assignments: [String: String] = [:]
    /// The specs without values and attributes, by name.
    var projects: [String: JSON] = [:]
    /// Fields of the registry's spec.
    var registry: JSON = [:]

    init() {}

    init(_ json: JSON) {
        dataPlanes = json["dataPlanes"]?.object ?? [:]
        labels = (json["executionLabels"]?.object ?? [:]).compactMapValues(\.string)
        assignments = (json["executionClusterLabels"]?.object ?? [:]).compactMapValues(\.string)
        projects = json["flyteProjects"]?.object ?? [:]
        registry = json["registry"] ?? [:]
    }

    mutating func merge(_ other: KeptByExport) {
        dataPlanes.merge(other.dataPlanes) { $1 }
        labels.merge(other.labels) { $1 }
        assignments.merge(other.assignments) { $1 }
        projects.merge(other.projects) { $1 }
        registry = registry.overlaidKeepingNulls(with: other.registry)
    }

    var json: JSON? {
        var json: JSON = [:]
        if !dataPlanes.isEmpty { json["dataPlanes"] = .object(dataPlanes) }
        if !labels.isEmpty { json["executionLabels"] = .object(labels.mapValues { .string($0) }) }
        if !assignments.isEmpty { json["executionClusterLabels"] = .object(assignments.mapValues { .string($0) }) }
        if !projects.isEmpty { json["flyteProjects"] = .object(projects) }
        if registry.object?.isEmpty == false { json["registry"] = registry }
        // `isEmpty ? nil : json` would give JSON's null.
        guard json.object?.isEmpty == false else { return nil }
        return json
    }
}
