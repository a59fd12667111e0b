/// The values of templates, weakest first: registry, registry's of the domain, flyteadmin's attributes, project, project's
/// of the domain, data plane. `project`, `domain` and `namespace` are the system's. A value's own braces mean nothing: Flyte doesn't look
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
        /// A name whose value Helm was to fill in has none: a weaker one must not come back.
        mutating func add(rendered new: TemplateValues) {
            add(new)
            for (name, value) in new where HelmExpressions.isIn(value.text) {
                values[name] = nil
                missing[name] = "its value " + HelmExpressions.advice
            }
        }
        /// Answers whether one of them is not known yet.
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
    /// flyteadmin's. They are its admins', so that they may set a name that no FlyteProject may.
    private var attributes: ClusterResourceAttributes.OfProject?
    private var project = Layer()
    private var projectDomains: [String: Layer] = [:]
    private var dataPlane = Layer()
    /// A source that is not known yet: nothing can be rendered without knowing it.
    public private(set) var isPending = false
    /// Why nothing can be rendered: values that any name could have are not known.
    public private(set) var problem: String?

    /// - Parameters:
    ///   - attributes: flyteadmin's, of the project.
    ///   - read: what a source of `valuesFrom` holds.
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

    /// Why a value that should be there is not, by its name: what to add to the message of an unresolved placeholder.
    public func missing(for domain: String) -> [String: String] {
        let layers = [registry, registryDomains[domain], project, projectDomains[domain], dataPlane]
        return layers.compactMap { $0 }.reduce(into: [:]) { $0.merge($1.missing) { $1 } }
    }
}

extension FlyteProjectSpec {
    /// Without the values that the registry locks.
    fileprivate func without(_ locked: [String]) -> FlyteProjectSpec {
        if sets(locked).isEmpty { return self }
        var spec = self
        spec.values = values.filter { !locked.contains($0.key) }
        spec.domainValues = domainValues.mapValues { $0.filter { !locked.contains($0.key) } }
        spec.valuesFrom = valuesFrom.filter { !locked.contains($0.name) }
        return spec
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
