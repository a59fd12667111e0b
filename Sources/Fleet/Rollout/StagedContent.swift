/// What a staged rollout brings to the data planes one after the other: one revision of it. A value that is kept in a
/// ControllerRevision; of Secrets it holds the references and never what they hold.
public struct StagedContent: Sendable, Hashable, Codable {
    /// The files of the templates ConfigMap; none for the default templates.
    public var templates: [String: String]
    public var workloadIdentity: WorkloadIdentity
    public var values: TemplateValues
    public var domainValues: [String: TemplateValues]
    public var valuesFrom: [ValueSource]
    /// `import` and what `importFrom` names, merged.
    public var imported: FlyteImport?

    /// Nil while not all of it is known.
    ///
    /// - Parameters:
    ///   - settings: the settings in force: `import` holds what `importFrom` names as well.
    ///   - templates: those in force; nil where none are known.
    public init?(_ settings: ClusterRegistrySpec, _ templates: TemplateSet?) {
        guard settings.import?.gap == nil, let templates, !templates.isIncomplete else { return nil }
        self.templates = templates.texts
        workloadIdentity = settings.workloadIdentity
        values = settings.values
        domainValues = settings.domainValues
        valuesFrom = settings.valuesFrom
        imported = settings.import
    }

    /// The settings with this revision's part of them.
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
