import Fleet
import JSON
import YAML

extension KeptByExport {
    /// Keeps what Flyte has no place for, so that the import of an export gives the same objects: their names, and the
    /// fields that don't follow from Flyte's values.
    ///
    /// - Parameter values: the exported Helm values.
    init(_ objects: ControlPlaneObjects, assignments: [ExecutionClusterLabel], values: JSON) {
        self.init()
        let section = values[path: ["configmap", "clusters"]] ?? [:]
        let nodes = (try? YAML.documents(YAML.emit(section))) ?? []
        let imported = ImportedClusters(nodes.map { ImportNode(place: "", node: $0) })
        let planes = Self.byKey(imported.dataPlanes, "clusterName")
        for (cluster, plane) in Self.byKey(objects[.dataPlanes].map(\.json), "clusterName") {
            guard let made = planes[cluster] else { continue }
            var kept: JSON = [:]
            if made.name != plane.name { kept["name"] = .string(plane.name) }
            var own = plane.spec
            own["clusterName"] = .string(cluster)
            kept["spec"] = Self.rest(own, than: made.spec)
            if kept.object?.isEmpty == false { dataPlanes[cluster] = kept }
        }
        let made = Self.byKey(imported.labels, "label")
        for (label, object) in Self.byKey(objects[.executionLabels].map(\.json), "label") {
            if let made = made[label], made.name != object.name { labels[label] = object.name }
        }
        for object in assignments {
            let parts = [object.spec.project, object.spec.domain ?? "", object.spec.workflow ?? ""]
            let derived = ImportNames.dnsName(parts.filter { !$0.isEmpty }.joined(separator: "-"))
            if derived != object.metadata.name {
                self.assignments[parts.joined(separator: "/")] = object.metadata.name
            }
        }
        for project in objects[.flyteProjects] {
            // Their values and attributes are in files of their own.
            let spec = (project.json["spec"]?.object ?? [:]).filter { !Self.inFiles.contains($0.key) }
            projects[project.metadata.name] = .object(spec)
        }
        guard let spec = objects.registry?.json["spec"] else { return }
        var basis: JSON = ["mode": "Observe", "templatesConfigMap": .string(ImportPlan.templates)]
        for field in ["defaultExecutionLabel", "domains", "namespaceTemplate"] { basis[field] = spec[field] }
        let rest = (Self.rest(spec, than: basis)?.object ?? [:]).filter { !Self.inValues.contains($0.key) }
        registry = .object(rest)
    }

    private static let inFiles: Set = ["values", "domainValues", "attributes"]
    private static let inValues: Set = ["values", "domainValues", "import"]

    private typealias Named = (name: String, spec: JSON)

    /// The objects by a field of the spec, which is the object's name if it is left out. The first of two counts.
    private static func byKey(_ objects: [JSON], _ field: String) -> [String: Named] {
        var result: [String: Named] = [:]
        for object in objects {
            guard let name = object[path: ["metadata", "name"]]?.string, let spec = object["spec"] else { continue }
            let key = spec[field]?.string ?? name
            if result[key] == nil { result[key] = (name, spec) }
        }
        return result
    }

    /// The members that turn `made` into `own` when laid over it. Nil if none are needed.
    private static func rest(_ own: JSON, than made: JSON) -> JSON? {
        let (own, made) = (own.object ?? [:], made.object ?? [:])
        var rest: JSON = [:]
        for key in Set(own.keys).union(made.keys) where own[key] != made[key] { rest[key] = own[key] ?? .null }
        guard rest.object?.isEmpty == false else { return nil }
        return rest
    }
}
