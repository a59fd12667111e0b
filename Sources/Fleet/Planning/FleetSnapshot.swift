import KubeObjects

/// The whole input of the plan, as the control plane shows it. A value: the planner changes it by `FleetChange`s, and a
/// test or a command can make one by hand.
public struct FleetSnapshot: Sendable {
    /// By object name. Their statuses are never read.
    public var dataPlanes: [String: DataPlane] = [:]
    public var executionLabels: [String: ExecutionLabel] = [:]
    /// The names of the labels that can't be read, if no earlier version is known.
    public var unreadableLabels: Set<String> = []
    /// The usable ones. A broken object stays as it was before.
    public var assignments: [String: ExecutionClusterLabel] = [:]
    /// The usable ones, as with assignments.
    public var projects: [String: FlyteProject] = [:]
    public var settings = RegistrySettings()
    /// flyteadmin's own projects. Nil if they don't count.
    public var discovered: DiscoveredProjects?
    /// flyteadmin's CLUSTER_RESOURCE attributes.
    public var attributes = AttributesInForce.none
    /// The Secrets that every namespace gets.
    public var replicated = ReplicatedSecrets.none
    public var templates = CompiledTemplates()
    /// The content of each source of `valuesFrom`.
    public var readings: [ValueSource: ValueReading] = [:]

    public init() {}
}

/// The registry's settings in force, and the compiled template of namespaces' names.
public struct RegistrySettings: Sendable, Hashable {
    public var spec: ClusterRegistrySpec
    /// Nil: the settings can't be used, so no namespace is wanted.
    public var template: NamespaceTemplate?

    public init(spec: ClusterRegistrySpec = ClusterRegistrySpec(), template: NamespaceTemplate? = nil) {
        self.spec = spec
        self.template = template
    }

    /// Makes usable settings.
    public init(_ spec: ClusterRegistrySpec, operatorNamespace: String) {
        self.init(
            spec: spec,
            template: try? NamespaceTemplate(
                spec.namespaceTemplate, operatorNamespace: operatorNamespace, reserved: spec.reservedNamespaces))
    }
}

/// The templates in force.
public struct CompiledTemplates: Sendable {
    /// Nil if no templates are known.
    public var set: TemplateSet?
    /// Differs for another set. Compare it only within this process.
    public var version: Int

    public init(_ set: TemplateSet? = nil, version: Int = 0) {
        self.set = set
        self.version = version
    }
}

/// One change of a snapshot. Nil: the object was deleted.
public enum FleetChange: Sendable {
    case dataPlane(String, DataPlane?)
    case executionLabel(String, ExecutionLabel?)
    /// Whether the ExecutionLabel with that name can't be read.
    case unreadableLabel(String, Bool)
    case assignment(String, ExecutionClusterLabel?)
    case project(String, FlyteProject?)
    case settings(RegistrySettings)
    case discovered(DiscoveredProjects?)
    case attributes(AttributesInForce)
    case replicated(ReplicatedSecrets)
    case templates(CompiledTemplates)
    /// Nil: no object names the source any more.
    case reading(ValueSource, ValueReading?)
}

extension FleetSnapshot {
    /// The workload identity of a data plane under the settings in force.
    public func identity(of dataPlane: DataPlane) -> WorkloadIdentity {
        settings.spec.workloadIdentity(of: dataPlane)
    }

    /// The values of a project's templates in one data plane.
    ///
    /// - Parameters:
    ///   - object: the FlyteProject in force of that project.
    ///   - revision: an earlier revision of the settings. Nil for those in force.
    public func layers(
        of project: String, _ object: FlyteProjectSpec?, in dataPlane: DataPlane,
        _ revision: ClusterRegistrySpec? = nil
    ) -> ValueLayers {
        ValueLayers(
            registry: revision ?? settings.spec, attributes: attributes.known?[project], project: object,
            dataPlane: dataPlane.spec
        ) { readings[$0] ?? .missing("not read") }
    }
}
