import Fleet
import KubeObjects

/// A template value and where it comes from.
struct OriginatedValue: Sendable, Hashable {
    enum Content: Sendable, Hashable {
        case text(String)
        /// Its value is never read here.
        case secret(KeyReference)
        /// Its source exists, but the user may not read it.
        case unreadable(String)
        /// Its source has no such key, so the name has no value. The text says why.
        case missing(String)
    }
    var name: String
    var content: Content
    /// "registry values", "FlyteProject team1 domainValues".
    var layer: String
}

/// Which layer each value of a namespace comes from.
///
/// The operator's own `ValueLayers` merges the layers, so the answer is the operator's: each value goes in with a mark
/// of its layer in front of it, and the marks of the effective values come out. Values of Secrets are never read. A
/// reference to one goes in as a text that names it.
enum ValueOrigins {
    static func values(
        for key: ProjectDomain, namespace: String, registry: ClusterRegistrySpec,
        attributes: ClusterResourceAttributes.Row? = nil, project: FlyteProject?, dataPlane: DataPlane,
        configMaps: [String: ControlPlaneObjects.ConfigMapReading]
    ) -> [OriginatedValue] {
        var marks = Marks()
        let markedRegistry = marks.mark(registry)
        let markedAttributes = attributes.map { marks.mark($0, of: key) }
        let markedProject = project.map { marks.mark($0.spec, "FlyteProject \($0.metadata.name)") }
        let markedPlane = marks.mark(dataPlane.spec, "DataPlane \(dataPlane.metadata.name)")
        let layers = ValueLayers(
            registry: markedRegistry, attributes: markedAttributes?[key.project], project: markedProject,
            dataPlane: markedPlane
        ) { .text(Self.text(of: $0, configMaps)) }
        let values = layers.values(for: key, namespace: namespace)
        var result = values.map { marks.origin(of: $0.key, $0.value) }
        for (name, why) in layers.missing(for: key.domain) where values[name] == nil {
            result.append(OriginatedValue(name: name, content: .missing(why), layer: ""))
        }
        return result.sorted { $0.name < $1.name }
    }

    /// The text for a source: the mark of its layer, the kind of content, and the content.
    private static func text(
        of source: ValueSource, _ configMaps: [String: ControlPlaneObjects.ConfigMapReading]
    ) -> String {
        if let reference = source.secretKeyRef {
            let (mark, name) = Marks.split(reference.name)
            return Marks.text(mark, .secret, name + Marks.separator + reference.key)
        }
        guard let reference = source.configMapKeyRef else { return Marks.text("", .missing, "names no source") }
        let (mark, name) = Marks.split(reference.name)
        switch configMaps[name] {
        case .present(let data)?:
            guard let text = data[reference.key] else {
                return Marks.text(mark, .missing, "ConfigMap \(name) has no key \(reference.key)")
            }
            return Marks.text(mark, .text, text)
        case .absent?: return Marks.text(mark, .missing, "ConfigMap \(name) does not exist")
        case .unreadable(let why)?: return Marks.text(mark, .unreadable, "ConfigMap \(name): \(why)")
        case nil: return Marks.text(mark, .unreadable, "ConfigMap \(name) was not read")
        }
    }
}

/// Marks in front of values: the layer and the kind of content.
private struct Marks {
    enum Kind: String { case text = "t", secret = "s", unreadable = "u", missing = "m" }

    /// The unit separator ends a mark, whatever the value itself holds.
    static let separator = "\u{1F}"
    private var layers: [String] = []

    static func text(_ mark: String, _ kind: Kind, _ content: String) -> String {
        mark + separator + kind.rawValue + content
    }

    static func split(_ text: String) -> (mark: String, rest: String) {
        guard let end = text.firstIndex(of: "\u{1F}") else { return ("", text) }
        return (String(text[..<end]), String(text[text.index(after: end)...]))
    }

    private mutating func mark(_ layer: String) -> String {
        layers.append(layer)
        return String(layers.count - 1)
    }

    private mutating func mark(_ values: TemplateValues, _ layer: String) -> TemplateValues {
        guard !values.isEmpty else { return values }
        let mark = mark(layer)
        return values.mapValues { .string(Self.text(mark, .text, $0.text)) }
    }

    private mutating func mark(_ values: [String: TemplateValues], _ layer: String) -> [String: TemplateValues] {
        let mark = mark(layer)
        return values.mapValues { $0.mapValues { .string(Self.text(mark, .text, $0.text)) } }
    }

    private mutating func mark(_ sources: [ValueSource], _ layer: String) -> [ValueSource] {
        guard !sources.isEmpty else { return sources }
        let mark = mark(layer)
        return sources.map { source in
            var source = source
            let prefix = mark + Self.separator
            if let name = source.secretKeyRef?.name { source.secretKeyRef?.name = prefix + name }
            if let name = source.configMapKeyRef?.name { source.configMapKeyRef?.name = prefix + name }
            return source
        }
    }

    mutating func mark(_ spec: ClusterRegistrySpec) -> ClusterRegistrySpec {
        var spec = spec
        if let imported = spec.import {
            spec.import = FlyteImport(
                templateData: mark(imported.templateData, "registry import.templateData"),
                customData: mark(imported.customData, "registry import.customData"))
        }
        spec.valuesFrom = mark(spec.valuesFrom, "registry valuesFrom")
        spec.values = mark(spec.values, "registry values")
        spec.domainValues = mark(spec.domainValues, "registry domainValues")
        return spec
    }

    mutating func mark(_ row: ClusterResourceAttributes.Row, of key: ProjectDomain) -> ClusterResourceAttributes {
        let owner = row.isOfProject ? "project \(key.project)" : key.description
        let mark = mark("flyteadmin CLUSTER_RESOURCE of \(owner)")
        let values = row.values.mapValues { Self.text(mark, .text, $0) }
        return ClusterResourceAttributes([(project: key.project, domain: key.domain, values: values)])
    }

    mutating func mark(_ spec: FlyteProjectSpec, _ owner: String) -> FlyteProjectSpec {
        var spec = spec
        spec.valuesFrom = mark(spec.valuesFrom, owner + " valuesFrom")
        spec.values = mark(spec.values, owner + " values")
        spec.domainValues = mark(spec.domainValues, owner + " domainValues")
        return spec
    }

    mutating func mark(_ spec: DataPlaneSpec, _ owner: String) -> DataPlaneSpec {
        var spec = spec
        spec.valuesFrom = mark(spec.valuesFrom, owner + " valuesFrom")
        spec.values = mark(spec.values, owner + " values")
        return spec
    }

    /// A value without a mark is one of the system's: `project`, `domain`, `namespace`.
    func origin(of name: String, _ text: String) -> OriginatedValue {
        let (mark, rest) = Self.split(text)
        guard let number = Int(mark), layers.indices.contains(number), let kind = Kind(rawValue: String(rest.prefix(1)))
        else { return OriginatedValue(name: name, content: .text(text), layer: "system") }
        let content = String(rest.dropFirst())
        let value: OriginatedValue.Content
        switch kind {
        case .text: value = .text(content)
        case .unreadable: value = .unreadable(content)
        case .missing: value = .missing(content)
        case .secret:
            let (secret, key) = Self.split(content)
            value = .secret(KeyReference(name: secret, key: key))
        }
        return OriginatedValue(name: name, content: value, layer: layers[number])
    }
}
