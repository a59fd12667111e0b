/// The values of templates, weakest first: registry, registry's of the domain, project, project's of the domain, data
/// plane. `project`, `domain` and `namespace` are the system's. A value's own braces mean nothing: Flyte doesn't look
/// into values either.
///
/// Within one object, what comes from elsewhere (`import`, `valuesFrom`) is weaker than its own `values`.
public struct ValueLayers: Sendable, Hashable {
    private var registry: [String: String] = [:]
    private var registryDomains: [String: [String: String]] = [:]
    private var project: [String: String] = [:]
    private var projectDomains: [String: [String: String]] = [:]
    private var dataPlane: [String: String] = [:]
    /// By value name, why a source has none.
    private var missing: [String: String] = [:]
    /// A source that is not known yet: nothing can be rendered without knowing it.
    public private(set) var isPending = false

    /// - Parameter read: what a source of `valuesFrom` holds.
    public init(
        registry: ClusterRegistrySpec, project: FlyteProjectSpec?, dataPlane: DataPlaneSpec,
        read: (ValueSource) -> ValueReading = { _ in .missing("not read") }
    ) {
        let imported = registry.import
        self.registry = Self.texts(imported?.templateData ?? [:])
        merge(registry.valuesFrom, registry.values, into: \.registry, read)
        registryDomains = (imported?.customData ?? [:]).mapValues(Self.texts)
        for (domain, values) in registry.domainValues {
            registryDomains[domain, default: [:]].merge(Self.texts(values)) { $1 }
        }
        if let project {
            merge(project.valuesFrom, project.values, into: \.project, read)
            projectDomains = project.domainValues.mapValues(Self.texts)
        }
        merge(dataPlane.valuesFrom, dataPlane.values, into: \.dataPlane, read)
    }

    private mutating func merge(
        _ sources: [ValueSource], _ values: TemplateValues, into layer: WritableKeyPath<ValueLayers, [String: String]>,
        _ read: (ValueSource) -> ValueReading
    ) {
        for source in sources {
            switch read(source) {
            case .text(let text): self[keyPath: layer][source.name] = text
            case .missing(let reason): missing[source.name] = reason
            case .pending: isPending = true
            }
        }
        self[keyPath: layer].merge(Self.texts(values)) { $1 }
    }

    private static func texts(_ values: TemplateValues) -> [String: String] { values.mapValues(\.text) }

    /// The text for each placeholder.
    public func values(for key: ProjectDomain, namespace: String) -> [String: String] {
        var result = registry
        for layer in [registryDomains[key.domain], project, projectDomains[key.domain], dataPlane] {
            if let layer { result.merge(layer) { $1 } }
        }
        result["project"] = key.project
        result["domain"] = key.domain
        result["namespace"] = namespace
        return result
    }

    /// What to add to the message of an unresolved placeholder: the sources that should have had a value.
    public var missingSources: String? {
        missing.isEmpty
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
