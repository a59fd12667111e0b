import JSON
import KubeObjects

extension DesiredObject {
    /// The path of the first field that differs from what we apply. Nil if none can be named.
    public func difference(from observed: ObjectMeta) -> String? {
        let label = labels.keys.sorted().first { !isMet($0, labels[$0] ?? "", observed.labels) }
        if let label { return ".metadata.labels.\(label)" }
        let annotation = annotations.keys.sorted().first { observed.annotations?[$0] != annotations[$0] }
        if let annotation { return ".metadata.annotations.\(annotation)" }
        guard !isMetadataOnly, case .object(let content) = json else { return nil }
        let sets = observed.applied(by: Ownership.fieldManager).compactMap(\.fieldSet)
        let parts = content.keys.filter { !["apiVersion", "kind", "metadata"].contains($0) }.sorted()
        return parts.first { part in
            guard let value = content[part] else { return false }
            return !sets.contains { $0.covers(.object([part: value])) }
        }.map { ".\($0)" }
    }

    /// The manager that changed the field: the other manager that owns it now, or else the one that wrote last. Nil if
    /// no other manager has written.
    public func manager(of field: String, in observed: ObjectMeta) -> String? {
        let others = (observed.managedFields ?? []).filter {
            $0.manager != nil && $0.manager != Ownership.fieldManager && ($0.subresource ?? "").isEmpty
        }
        let path = Self.parts(of: field).map { "f:\($0)" }
        let owner = others.last { entry in entry.fieldsV1?[path: path] != nil }
        let latest = others.max { ($0.time?.instant.secondsSince1970 ?? 0) < ($1.time?.instant.secondsSince1970 ?? 0) }
        return (owner ?? latest)?.manager?.shown(bytes: 128)
    }

    /// `.metadata.labels.app.kubernetes.io/name`: the name of a label contains dots.
    private static func parts(of field: String) -> [String] {
        field.dropFirst().split(separator: ".", maxSplits: 2).map(String.init)
    }
}
