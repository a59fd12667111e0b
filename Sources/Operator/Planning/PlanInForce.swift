import Fleet
import KubeObjects

/// What is wanted, as of one look at the control plane. A value: each reader holds one revision of it.
struct PlanInForce: Sendable {
    /// Counts the looks of this process; a data plane's plan of the same revision needs no second look.
    let revision: UInt64
    let planner: FleetPlanner
    /// Nil where there is none: the defaults hold.
    let registry: ClusterRegistry?
    let templates: TemplatesInForce
    let imported: ImportInForce
    /// What keeps any namespace from being wanted: a registry that can't be used, with none before it.
    let problem: SpecProblem?
    /// Nil while it is not known which registry this is: nothing may be written anywhere.
    let identity: RegistryIdentity?
    /// The Secrets and ConfigMaps that the objects name.
    let references: References
    /// By namespace, the number that changes with what is its own (`FleetPlan.Namespace.fingerprint`).
    let fingerprints: [String: UInt64]
    /// Of every object that it was computed from, by UID.
    let generations: [String: Int64]
    /// Which revision of templates and values each data plane is brought to.
    let stages: StagesInForce
    /// When the first of the changes was seen that this revision is about; monotonic.
    let changedAt: Duration

    var snapshot: FleetSnapshot { planner.snapshot }
    var plan: FleetPlan { planner.plan }
    /// The templates, values and workload identity in force; nil while not all of them are known.
    var stagedContent: StagedContent? { StagedContent(spec, templates.compiled) }
    /// The settings in force: those of the registry, or the last usable ones while it is broken.
    var spec: ClusterRegistrySpec { planner.snapshot.settings.spec }
    /// The mode in force.
    func mode(of dataPlane: DataPlane) -> Mode { dataPlane.spec.mode ?? spec.mode }
    var dataPlanes: [String: DataPlane] { planner.snapshot.dataPlanes }
    var labels: [String: ExecutionLabel] { planner.snapshot.executionLabels }
    var assignments: [String: ExecutionClusterLabel] { planner.snapshot.assignments }
    /// flyteadmin's archived projects, where its projects count.
    var archivedProjects: Set<String> { planner.snapshot.discovered?.archived ?? [] }

    /// What keeps every namespace pending, for people; nil where nothing does.
    var awaited: String? {
        snapshot.attributes.isPending
            ? "flyteadmin's CLUSTER_RESOURCE attributes, which have not been read yet (spec.flyteAdmin)" : nil
    }

    /// Nil where nothing wants it.
    func answer(_ key: ProjectDomain) -> NamespaceAnswer? {
        guard let entry = plan.entries[key] else { return nil }
        if entry.sharesWith != nil, snapshot.settings.template?.separates == true, let why = plan.disagreements[key] {
            return .invalid(why)
        }
        return entry.answer
    }

    /// Whether it was computed from this object as it is: else there is a newer plan to come, which is to be waited for.
    /// What an older one says is of a generation that the object has no more.
    func knows(_ metadata: ObjectMeta) -> Bool {
        generations[metadata.uid ?? metadata.name] == metadata.generation ?? 0
    }
}
