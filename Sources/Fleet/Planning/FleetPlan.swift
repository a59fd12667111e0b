import KubeObjects

/// Which namespaces are wanted, by which objects, with which values, and where. It follows from a `FleetSnapshot`.
///
/// Equal snapshots give equal plans, whatever changes led to them. Compare numbers named `fingerprint` only within one
/// process.
public struct FleetPlan: Sendable, Hashable {
    /// A project-domain that something wants.
    public struct Entry: Sendable, Hashable {
        public var answer: NamespaceAnswer
        /// The seniority of the oldest object that wants it.
        public var seniority: Seniority
        /// The project-domain that got the namespace before this one. Nil for the owner.
        public var sharesWith: ProjectDomain?
    }
    /// A namespace that is wanted.
    public struct Namespace: Sendable, Hashable {
        /// The project-domain whose objects it holds: the oldest one with this namespace.
        public var owner: ProjectDomain
        /// Changes with everything that belongs to the namespace alone: its project-domain and its project's values.
        public var fingerprint: UInt64
        /// With `syncScope: Labelled`, the Flyte clusters that want it. Nil for all of them.
        public var clusters: Set<String>?
    }

    /// Every project-domain that is wanted.
    public internal(set) var entries: [ProjectDomain: Entry] = [:]
    public internal(set) var namespaces: [String: Namespace] = [:]
    /// The name of the FlyteProject that counts for each project: the oldest one.
    public internal(set) var projectsInForce: [String: String] = [:]
    /// The older FlyteProject of the same project, by object name.
    public internal(set) var duplicateProjects: [String: String] = [:]
    /// The older ExecutionClusterLabel that sets the same row, by object name.
    public internal(set) var duplicateAssignments: [String: String] = [:]
    /// The messages of project-domains that share a namespace but want different objects in it.
    public internal(set) var disagreements: [ProjectDomain: String] = [:]

    public init() {}
}

/// What a change of the snapshot changed in the plan: exactly the keys to look at again.
public struct PlanDiff: Sendable, Hashable {
    /// Namespaces that are now wanted, no longer wanted, or wanted with other content.
    public var namespaces: Set<String> = []
    /// Project-domains whose status may change.
    public var projectDomains: Set<ProjectDomain> = []
    /// Objects that changed, or whose status may change, by object name.
    public var dataPlanes: Set<String> = []
    public var executionLabels: Set<String> = []
    public var assignments: Set<String> = []
    public var projects: Set<String> = []
    /// Whether something that all data planes share has changed: settings, templates, or the registry's sources.
    public var isCommon = false

    public init() {}
    public var isEmpty: Bool { self == PlanDiff() }
}
