import Fleet
import KubeObjects

/// What is wanted, as of one update of the plan. A value: each reader holds one revision of it.
struct PlanInForce: Sendable {
    /// Counts the updates in this process. A data plane's plan of the same revision needs no second look.
    let revision: UInt64
    let planner: FleetPlanner
    /// Nil if there is none. The defaults hold then.
    let registry: ClusterRegistry?
    let templates: TemplatesInForce
    let imported: ImportInForce
    /// Why no namespace is wanted: the registry can't be used, and there are no earlier settings.
    let problem: SpecProblem?
    /// Nil while the registry's identity is not known. Nothing may be written anywhere then.
    let identity: RegistryIdentity?
    /// The Secrets and ConfigMaps that the objects name.
    let references: References
    /// For each namespace, a number that changes with its own content (`FleetPlan.Namespace.fingerprint`).
    let fingerprints: [String: UInt64]
    /// The only namespaces that differ from the revision before. Nil if what all data planes share differs.
    let touched: Set<String>?
    /// The generation of every object behind this plan, by UID.
    let generations: [String: Int64]
    /// The revision of templates and values for each data plane.
    let stages: StagesInForce
    /// The values from Secrets.
    let secrets: SecretValues
    /// When the first of the changes in this revision was seen, on the monotonic clock.
    let changedAt: Duration

    var snapshot: FleetSnapshot { planner.snapshot }
    var plan: FleetPlan { planner.plan }
    /// The templates, values and workload identity in force. Nil while not all of them are known.
    var stagedContent: StagedContent? { StagedContent(spec, templates.compiled) }
    /// The settings in force: the registry's, or the last usable ones while it is broken.
    var spec: ClusterRegistrySpec { planner.snapshot.settings.spec }
    /// Whether anything but statuses may be written in the control plane.
    var mayWrite: Bool { spec.mode == .enforce && identity != nil }
    /// The mode in force.
    func mode(of dataPlane: DataPlane) -> Mode { dataPlane.spec.mode ?? spec.mode }
    var dataPlanes: [String: DataPlane] { planner.snapshot.dataPlanes }
    var labels: [String: ExecutionLabel] { planner.snapshot.executionLabels }
    var assignments: [String: ExecutionClusterLabel] { planner.snapshot.assignments }
    /// flyteadmin's archived projects, if its projects count.
    var archivedProjects: Set<String> { planner.snapshot.discovered?.archived ?? [] }

    /// Nil if nothing wants that project-domain.
    func answer(_ key: ProjectDomain) -> NamespaceAnswer? {
        guard let entry = plan.entries[key] else { return nil }
        if entry.sharesWith != nil, snapshot.settings.template?.separates == true, let why = plan.disagreements[key] {
            return .invalid(why)
        }
        return entry.answer
    }

    /// Whether the plan was computed from the present version of this object. If not, a newer plan is coming. Wait for
    /// it, since this one describes an older generation.
    func knows(_ metadata: ObjectMeta) -> Bool {
        generations[metadata.uid ?? metadata.name] == metadata.generation ?? 0
    }
}
