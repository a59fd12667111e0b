/// One revision of what a staged rollout brings to the data planes one after the other. It is stored in a
/// ControllerRevision. It has references to Secrets, but never their content.
public struct StagedContent: Sendable, Hashable, Codable {
    /// The files of the templates ConfigMap. Empty for the default templates.
    public var templates: [String: String]
    public var workloadIdentity: WorkloadIdentity
    public var values: TemplateValues
    public var domainValues: [String: TemplateValues]
    public var valuesFrom: [ValueSource]
    /// The merged content of `import` and `importFrom`.
    public var imported: FlyteImport?

    /// Nil while a part of it is not known.
    ///
    /// - Parameters:
    ///   - settings: the settings in force. Their `import` includes the content of `importFrom`.
    ///   - templates: the templates in force. Nil if none are known.
    public init?(_ settings: ClusterRegistrySpec, _ templates: TemplateSet?) {
        guard settings.import?.gap == nil, let templates, !templates.isIncomplete else { return nil }
        self.templates = templates.texts
        workloadIdentity = settings.workloadIdentity
        values = settings.values
        domainValues = settings.domainValues
        valuesFrom = settings.valuesFrom
        imported = settings.import
    }

    /// The settings, with this revision's part of them.
    public func settings(over settings: ClusterRegistrySpec) -> ClusterRegistrySpec {
        var result = settings
        result.workloadIdentity = workloadIdentity
        result.values = values
        result.domainValues = domainValues
        result.valuesFrom = valuesFrom
        result.import = imported
        return result
    }
}
