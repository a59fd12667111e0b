/// The values of templates, weakest first: registry, registry's of the domain, project, project's of the domain, data
/// plane. `project`, `domain` and `namespace` are the system's. A value's own braces mean nothing: Flyte doesn't look
/// into values either.
///
/// What comes from `valuesFrom` belongs below the `values` of the same object: the reader merges it in before.
public struct ValueLayers: Sendable, Hashable {
    public var registry: TemplateValues = [:]
    public var registryDomains: [String: TemplateValues] = [:]
    public var project: TemplateValues = [:]
    public var projectDomains: [String: TemplateValues] = [:]
    public var dataPlane: TemplateValues = [:]

    public init(registry: ClusterRegistrySpec, project: FlyteProjectSpec?, dataPlane: DataPlaneSpec) {
        self.registry = registry.values
        registryDomains = registry.domainValues
        self.project = project?.values ?? [:]
        projectDomains = project?.domainValues ?? [:]
        self.dataPlane = dataPlane.values
    }

    /// The text for each placeholder.
    public func values(for key: ProjectDomain, namespace: String) -> [String: String] {
        var result: [String: String] = [:]
        let layers = [registry, registryDomains[key.domain], project, projectDomains[key.domain], dataPlane]
        for layer in layers { for (name, value) in layer ?? [:] { result[name] = value.text } }
        result["project"] = key.project
        result["domain"] = key.domain
        result["namespace"] = namespace
        return result
    }
}
