/// The values of templates, the weakest first: the registry's, the registry's for the domain, flyteadmin's attributes,
/// the project's, the project's for the domain, the data plane's. `project`, `domain` and `namespace` are the system's.
/// Braces in a value have no meaning, as in Flyte.
///
/// Within one object, values from elsewhere (`import`, `valuesFrom`) are weaker than its own `values`. A source of
/// `valuesFrom` without a value leaves its name without one: a deleted Secret must not bring back the value that it was
/// meant to replace.
public struct ValueLayers: Sendable, Hashable {
    private struct Layer: Sendable, Hashable {
        var values: [String: String] = [:]
        /// Why a source has no value, by name, if the object itself has none either.
        var missing: [String: String] = [:]

        init() {}
        init(_ values: TemplateValues) { add(values) }
        init(rendered values: TemplateValues) { add(rendered: values) }
        init(texts: [String: String]) { values = texts }

        mutating func add(_ new: TemplateValues) {
            for (name, value) in new {
                values[name] = value.text
                missing[name] = nil
            }
        }
        /// A value that Helm should have filled in counts as missing. A weaker value must not come back.
        mutating func add(rendered new: TemplateValues) {
            add(new)
            for (name, value) in new where HelmExpressions.isIn(value.text) {
                values[name] = nil
                missing[name] = "its value " + HelmExpressions.advice
            }
        }
        /// Returns whether one of them is not known yet.
        mutating func add(
            _ sources: [ValueSource], unless own: TemplateValues, _ read: (ValueSource) -> ValueReading
        ) -> Bool {
            var isPending = false
            for source in sources where own[source.name] == nil {
                (values[source.name], missing[source.name]) = (nil, nil)
                switch read(source) {
                case .text(let text): values[source.name] = text
                case .missing(let reason): missing[source.name] = "valuesFrom: " + reason
                case .pending: isPending = true
                }
            }
            return isPending
        }
    }
    private var registry = Layer()
    private var registryDomains: [String: Layer] = [:]
    /// flyteadmin's attributes. Its admins set them, so they may set names that a FlyteProject may not.
    private var attributes: ClusterResourceAttributes.OfProject?
    private var project = Layer()
    private var projectDomains: [String: Layer] = [:]
    private var dataPlane = Layer()
    /// A source is not known yet. Nothing can be rendered without it.
    public private(set) var isPending = false
    /// Why nothing can be rendered: values that could have any name are not known.
    public private(set) var problem: String?

    /// - Parameters:
    ///   - attributes: flyteadmin's attributes of the project.
    ///   - read: reads a source of `valuesFrom`.
    public init(
        registry: ClusterRegistrySpec, attributes: ClusterResourceAttributes.OfProject? = nil,
        project: FlyteProjectSpec?, dataPlane: DataPlaneSpec,
        read: (ValueSource) -> ValueReading = { _ in .missing("not read") }
    ) {
        let imported = registry.import
        if case .unusable(let why)? = imported?.gap { problem = why }
        self.registry.add(rendered: imported?.templateData ?? [:])
        var isPending = imported?.gap == .pending
        isPending = self.registry.add(registry.valuesFrom, unless: registry.values, read) || isPending
        self.registry.add(rendered: registry.values)
        registryDomains = (imported?.customData ?? [:]).mapValues { Layer(rendered: $0) }
        for (domain, values) in registry.domainValues {
            registryDomains[domain, default: Layer()].add(rendered: values)
        }
        self.attributes = attributes
        if let project = project?.without(registry.lockedValues) {
            isPending = self.project.add(project.valuesFrom, unless: project.values, read) || isPending
            self.project.add(project.values)
            projectDomains = project.domainValues.mapValues { Layer($0) }
        }
        isPending = self.dataPlane.add(dataPlane.valuesFrom, unless: dataPlane.values, read) || isPending
        self.dataPlane.add(dataPlane.values)
        self.isPending = isPending
    }

    /// The text for each placeholder.
    public func values(for key: ProjectDomain, namespace: String) -> [String: String] {
        var result: [String: String] = [:]
        func add(_ layer: Layer?) {
            for name in layer?.missing.keys ?? [:].keys { result[name] = nil }
            if let values = layer?.values { result.merge(values) { $1 } }
        }
        add(registry)
        add(registryDomains[key.domain])
        add(attributes?[key.domain].map { Layer(texts: $0.values) })
        add(project)
        add(projectDomains[key.domain])
        add(dataPlane)
        result["project"] = key.project
        result["domain"] = key.domain
        result["namespace"] = namespace
        return result
    }

    /// Why an expected value is missing, by its name. The message of an unresolved placeholder includes it.
    public func missing(for domain: String) -> [String: String] {
        let layers = [registry, registryDomains[domain], project, projectDomains[domain], dataPlane]
        return layers.compactMap { $0 }.reduce(into: [:]) { $0.merge($1.missing) { $1 } }
    }
}

extension FlyteProjectSpec {
    /// The project's spec without the values that the registry locks.
    fileprivate func without(_ locked: [String]) -> FlyteProjectSpec {
        if sets(locked).isEmpty { return self }
        var spec = self
        spec.values = values.filter { !locked.contains($0.key) }
        spec.domainValues = domainValues.mapValues { $0.filter { !locked.contains($0.key) } }
        spec.valuesFrom = valuesFrom.filter { !locked.contains($0.name) }
        return spec
    }
}

/// The present content of a `ValueSource`.
public enum ValueReading: Sendable, Hashable {
    case text(String)
    /// The text says why there is no value.
    case missing(String)
    /// Not known yet.
    case pending
}
