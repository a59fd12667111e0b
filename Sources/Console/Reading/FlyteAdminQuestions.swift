import Fleet
import JSON
import KubeObjects

/// flyteadmin's projects and attributes, for commands that decide what is wanted.
///
/// The operator notes them in ConfigMaps, but it writes none while the registry is in Observe. Then these notes are
/// missing or old, so a command asks flyteadmin itself.
public struct FlyteAdminQuestions: Sendable {
    /// Asks flyteadmin for what these settings make the operator read.
    public typealias Ask = @Sendable (FlyteAdmin) async -> FlyteAdminContent

    public let ask: Ask

    public init(_ ask: @escaping Ask) { self.ask = ask }

    /// Puts flyteadmin's answer in the place of notes that are missing or old.
    ///
    /// - Parameters:
    ///   - objects: they have the registry, and the ConfigMaps with the notes as far as they could be read.
    ///   - isObserved: whether the operator's registry is in Observe. The registry of `objects` may be a newer one.
    /// - Returns: why flyteadmin could not be asked. Then the notes stay as they were.
    public func complete(_ objects: inout ControlPlaneObjects, isObserved: Bool) async -> String? {
        let registries = objects.decoded(ClusterRegistry.self).objects
        let spec = registries.first { $0.metadata.name == ClusterRegistry.theName }?.spec
        guard let settings = spec?.flyteAdmin else { return nil }
        func isDue(_ name: String, _ isWanted: Bool) -> Bool {
            guard isWanted, !isObserved else { return isWanted }
            if case .present? = objects.configMaps[name] { return false }
            return true
        }
        let ofProjects = isDue(DiscoveredProjects.configMapName, settings.projectDiscovery)
        let ofAttributes = isDue(
            ClusterResourceAttributes.configMapName, settings.clusterResourceAttributes == .use)
        guard ofProjects || ofAttributes else { return nil }
        let content = await ask(settings)
        if ofProjects, let projects = content.projects {
            objects.add(
                configMap: DiscoveredProjects.configMapName, .present([DiscoveredProjects.dataKey: projects.text]))
        }
        if ofAttributes, let attributes = content.attributes {
            objects.add(
                configMap: ClusterResourceAttributes.configMapName,
                .present([ClusterResourceAttributes.dataKey: attributes.text]))
        }
        return content.problem.map {
            "flyteadmin can't be asked from here, so that what the operator noted last counts: \($0)"
        }
    }
}

extension ControlPlaneObjects {
    /// The fleet's mode, for data planes without a mode of their own: the registry's. Without a registry it is the mode
    /// that was in force before, as the operator does it.
    public var mode: Mode {
        func mode(_ field: JSON?) -> Mode? { field?.string.flatMap(Mode.init) }
        if let registry { return mode(registry.spec("mode")) ?? .enforce }
        return .recorded(in: self[.dataPlanes].map { (mode($0.spec("mode")), mode($0.status("mode"))) })
    }

    /// The settings that are in force without a registry.
    var settingsWithoutRegistry: ClusterRegistrySpec {
        var spec = ClusterRegistrySpec()
        spec.mode = mode
        return spec
    }

    /// Whether the fleet is in Observe.
    public var isObserved: Bool { mode == .observe }
}
