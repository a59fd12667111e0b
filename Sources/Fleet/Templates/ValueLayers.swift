/// The values of templates, weakest first: registry, registry's of the domain, project, project's of the domain, data
/// plane. `project`, `domain` and `namespace` are the system's. A value's own braces mean nothing: Flyte doesn't look
/// into values either.
///
/// Within one object, what comes from elsewhere (`import`, `valuesFrom`) is weaker than its own `values`. A source of
/// `valuesFrom` that has no value leaves its name without one: that a Secret is gone must not bring back what it was to
/// replace.
public struct ValueLayers: Sendable, Hashable {
    private struct Layer: Sendable, Hashable {
        var values: [String: String] = [:]
        /// By value name, why a source has none, where the object itself has none either.
        var missing: [String: String] = [:]
    }
    private var registry = Layer()
    private var registryDomains: [String: [String: String]] = [:]
    private var project = Layer()
    private var projectDomains: [String: [String: String]] = [:]
    private var dataPlane = Layer()
    /// A source that is not known yet: nothing can be rendered without knowing it.
    public private(set) var isPending = false

    /// - Parameter read: what a source of `valuesFrom` holds.
    public init(
        registry: ClusterRegistrySpec, project: FlyteProjectSpec?, dataPlane: DataPlaneSpec,
        read: (ValueSource) -> ValueReading = { _ in .missing("not read") }
    ) {
        let imported = registry.import
        self.registry = layer(
            Self.texts(imported?.templateData ?? [:]), registry.valuesFrom, registry.values, read)
        registryDomains = (imported?.customData ?? [:]).mapValues(Self.texts)
        for (domain, values) in registry.domainValues {
            registryDomains[domain, default: [:]].merge(Self.texts(values)) { $1 }
        }
        if let project {
            self.project = layer([:], project.valuesFrom, project.values, read)
            projectDomains = project.domainValues.mapValues(Self.texts)
        }
        self.dataPlane = layer([:], dataPlane.valuesFrom, dataPlane.values, read)
    }

    private mutating func layer(
        _ imported: [String: String], _ sources: [ValueSource], _ values: TemplateValues,
        _ read: (ValueSource) -> ValueReading
    ) -> Layer {
        var layer = Layer(values: imported)
        let own = Self.texts(values)
        for source in sources where own[source.name] == nil {
            layer.values[source.name] = nil
            switch read(source) {
            case .text(let text): layer.values[source.name] = text
            case .missing(let reason): layer.missing[source.name] = reason
            case .pending: isPending = true
            }
        }
        layer.values.merge(own) { $1 }
        return layer
    }

    private static func texts(_ values: TemplateValues) -> [String: String] { values.mapValues(\.text) }

    /// The text for each placeholder.
    public func values(for key: ProjectDomain, namespace: String) -> [String: String] {
        var result: [String: String] = [:]
        func add(_ values: [String: String]?) { if let values { result.merge(values) { $1 } } }
        func add(_ layer: Layer) {
            for name in layer.missing.keys { result[name] = nil }
            add(layer.values)
        }
        add(registry)
        add(registryDomains[key.domain])
        add(project)
        add(projectDomains[key.domain])
        add(dataPlane)
        result["project"] = key.project
        result["domain"] = key.domain
        result["namespace"] = namespace
        return result
    }

    /// What to add to the message of an unresolved placeholder: the sources that should have had a value.
    public var missingSources: String? {
        let missing = [registry, project, dataPlane].reduce(into: [:]) { $0.merge($1.missing) { $1 } }
        return missing.isEmpty
            ? nil
            : missing.sorted { $0.key < $1.key }.map { "valuesFrom \($0.key): \($0.value)" }.listed()
    }
}

/// What a `ValueSource` holds now.
public enum ValueReading: Sendable, Hashable {
    case text(String)
    /// Why there is none.
    case missing(String)
    /// Not known yet.
    case pending
}
