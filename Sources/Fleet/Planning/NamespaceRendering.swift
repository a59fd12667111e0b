import KubeObjects

/// The wanted content of a namespace of a data plane.
public enum NamespaceContent: Sendable {
    /// In the order in which they are applied.
    case objects([DesiredObject], refused: [RenderedNamespace.Refusal])
    /// The content can't be computed, so nothing is applied.
    case failure(FailureReason, object: String, message: String)
    /// The content can't be computed yet, because an input has not been read.
    case pending
}

/// The settings and templates for a data plane: those in force, or an earlier revision.
public struct DataPlaneBasis: Sendable {
    public var settings: ClusterRegistrySpec
    /// Nil if none are known.
    public var templates: TemplateSet?
    public var fingerprint: Int
    /// Why there are no templates.
    public var failure: TemplateFailure?
    /// The number of the revision, if changes are staged.
    public var stage: Int64?
    /// The data plane's revision is not known yet.
    public var isPending = false

    public init(
        settings: ClusterRegistrySpec, templates: TemplateSet?, fingerprint: Int = 0, failure: TemplateFailure? = nil
    ) {
        self.settings = settings
        self.templates = templates
        self.fingerprint = fingerprint
        self.failure = failure
    }

    /// The kinds that are watched in the data plane.
    /// - Parameter copies: whether Secrets are copied into it.
    public func types(_ kinds: RESTMapper, _ pruning: Pruning?, copies: Bool) -> [ResourceType] {
        let always = [ResourceType.namespace, .serviceAccount]
        let copied = copies ? [Secret.resourceType] : []
        let more = Set((templates?.kinds ?? []).compactMap { kinds[$0] }).union(pruning == nil ? [] : Pruning.kinds)
            .union(copied).subtracting(always)
        return always + more.sorted { $0.description < $1.description }
    }
}

extension StagesInForce {
    /// - Parameter live: the present settings and templates.
    public func basis(of dataPlane: DataPlane, live: DataPlaneBasis) -> DataPlaneBasis {
        switch place(of: dataPlane.metadata.name, mode: dataPlane.spec.mode ?? live.settings.mode) {
        case .live: return live
        case .pending:
            var basis = live
            basis.isPending = true
            return basis
        case .stage(let stage):
            var basis = DataPlaneBasis(
                settings: stage.content.settings(over: live.settings), templates: stage.templates,
                fingerprint: stage.fingerprint)
            basis.stage = stage.number
            return basis
        }
    }
}

/// The wanted content of each namespace of a data plane, for one snapshot of the fleet. A value without any I/O.
public final class NamespaceRendering: Sendable {
    private let snapshot: FleetSnapshot
    private let plan: FleetPlan
    private let dataPlane: DataPlane
    private let basis: DataPlaneBasis
    private let renderer: Renderer?

    /// - Parameters:
    ///   - identity: nil while the registry's identity is not known. Then nothing is rendered.
    ///   - kinds: the kinds that the data plane serves.
    ///   - isDiscovered: whether `kinds` has every kind that the templates need.
    public init(
        _ planner: FleetPlanner, for dataPlane: DataPlane, _ basis: DataPlaneBasis, identity: RegistryIdentity?,
        kinds: RESTMapper, isDiscovered: Bool = true
    ) {
        (snapshot, plan) = (planner.snapshot, planner.plan)
        (self.dataPlane, self.basis) = (dataPlane, basis)
        guard let templates = basis.templates, let identity, isDiscovered, !basis.isPending else {
            renderer = nil
            return
        }
        renderer = Renderer(
            templates: templates, identity: basis.settings.workloadIdentity(of: dataPlane),
            controlPlaneUID: identity.id, kinds: kinds, allowsClusterScoped: basis.settings.allowClusterScoped)
    }

    /// Nil for a namespace that is not wanted.
    public func content(of namespace: String) -> NamespaceContent? {
        guard let owner = plan.namespaces[namespace]?.owner else { return nil }
        if let failure = basis.failure {
            return .failure(failure.reason, object: failure.file, message: failure.message)
        }
        return content(of: owner, in: namespace)
    }

    /// - Parameter key: the project-domain that owns the namespace.
    public func content(of key: ProjectDomain, in namespace: String) -> NamespaceContent {
        guard let renderer else { return .pending }
        let project = plan.projectsInForce[key.project].flatMap { snapshot.projects[$0]?.spec }
        let layers = snapshot.layers(of: key.project, project, in: dataPlane, basis.settings)
        if layers.isPending || snapshot.attributes.isPending { return .pending }
        if let problem = layers.problem {
            return .failure(.templateInvalid, object: "spec.importFrom", message: problem)
        }
        let rendered = renderer.render(
            key, namespace: namespace, values: layers.values(for: key, namespace: namespace),
            missing: layers.missing(for: key.domain), copies: snapshot.replicated.contents)
        return .objects(rendered.objects, refused: rendered.refused)
    }
}

extension FleetPlan {
    /// Whether a data plane gets the namespace. With `syncScope: Labelled` it gets only those that executions can
    /// reach.
    public func isWanted(_ namespace: String, in dataPlane: DataPlane, _ settings: ClusterRegistrySpec) -> Bool {
        guard let wanted = namespaces[namespace] else { return false }
        guard settings.syncScope == .labelled else { return true }
        return wanted.clusters?.contains(dataPlane.clusterName) ?? true
    }
}
