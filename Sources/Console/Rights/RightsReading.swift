import Fleet
import JSON
import Kube
import KubeObjects

/// The input of `NeededRights`, read from the control plane.
public struct RightsReading: Sendable {
    public let registry: ClusterRegistrySpec
    public let dataPlanes: [DataPlane]
    public let projects: [FlyteProject]
    public let notes: [String]
    let templates: TemplateSet?
    let kinds: RESTMapper

    public init(_ reader: ControlPlaneReader) async throws(KubeError) {
        let objects = try await reader.objects()
        let registries = objects.decoded(ClusterRegistry.self)
        let (dataPlanes, planeProblems) = objects.decoded(DataPlane.self)
        let (projects, projectProblems) = objects.decoded(FlyteProject.self)
        var notes = registries.problems + planeProblems + projectProblems
        let spec = registries.objects.first { $0.metadata.name == ClusterRegistry.theName }?.spec
        let registry = spec ?? ClusterRegistrySpec()
        (self.registry, self.dataPlanes, self.projects) = (registry, dataPlanes, projects)
        var templates: TemplateSet? = .standard
        if !registry.templatesConfigMap.isEmpty {
            templates = nil
            switch try await reader.configMap(registry.templatesConfigMap) {
            case .present(let files):
                let set = TemplateSet(files: files)
                templates = set
                for file in set.broken {
                    notes.append("ConfigMap \(registry.templatesConfigMap): \(file.failure); rules for it are missing")
                }
            case .absent: notes.append("ConfigMap \(registry.templatesConfigMap) does not exist")
            case .unreadable(let why): notes.append("ConfigMap \(registry.templatesConfigMap) can't be read: \(why)")
            }
        }
        if templates == nil { notes.append("the kinds of the templates are not known, so their rules are missing") }
        var kinds = RESTMapper.wellKnown
        for kind in templates?.kinds ?? [] where kinds[kind] == nil {
            let served = try await reader.client.resources(group: kind.group, version: kind.version) ?? []
            for resource in served where resource.type.kind == kind.kind { kinds.add(resource.type) }
        }
        (self.templates, self.kinds, self.notes) = (templates, kinds, notes)
    }

    /// The rules that Squadron's own work in a data plane needs.
    public func dataPlaneRules(namespace: String) -> [JSON] {
        rights(.init(secrets: [], configMaps: []), namespace: namespace).dataPlaneRules
    }

    public func rights(_ names: NeededRights.Names, namespace: String) -> NeededRights {
        NeededRights(
            registry: registry, dataPlanes: dataPlanes, names: names, templates: templates, kinds: kinds,
            namespace: namespace)
    }
}
