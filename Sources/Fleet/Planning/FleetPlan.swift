import KubeObjects

/// Which namespaces are wanted, by what, with which values, and where: what follows from a `FleetSnapshot`.
///
/// Equal snapshots give equal plans, however many changes led to them. Numbers named `fingerprint` are compared within
/// one process only.
public struct FleetPlan: Sendable, Hashable {
    /// A project-domain that something wants.
    public struct Entry: Sendable, Hashable {
        public var answer: NamespaceAnswer
        /// Of the oldest object that wants it.
        public var seniority: Seniority
        /// The project-domain that got the namespace before this one; nil for the one that has it.
        public var sharesWith: ProjectDomain?
    }
    /// A namespace that is wanted.
    public struct Namespace: Sendable, Hashable {
        /// The project-domain whose objects it holds: the oldest of those that have this name.
        public var owner: ProjectDomain
        /// Changes with everything that is the namespace's own: its project-domain, its project's values.
        public var fingerprint: UInt64
        /// With `syncScope: Labelled`, the Flyte clusters that want it; nil: all of them.
        public var clusters: Set<String>?
    }

    /// Every project-domain that is wanted.
    public internal(set) var entries: [ProjectDomain: Entry] = [:]
    public internal(set) var namespaces: [String: Namespace] = [:]
    /// By project, the name of the one FlyteProject that counts: the oldest.
    public internal(set) var projectsInForce: [String: String] = [:]
    /// By object name, the older FlyteProject of the same project.
    public internal(set) var duplicateProjects: [String: String] = [:]
    /// By object name, the older ExecutionClusterLabel that sets the same.
    public internal(set) var duplicateAssignments: [String: String] = [:]
    /// Project-domains that share a namespace and want different objects in it, each with the message for its status.
    public internal(set) var disagreements: [ProjectDomain: String] = [:]

    public init() {}
}

/// What a change of the snapshot changed in the plan: the keys to look at again, and no others.
public struct PlanDiff: Sendable, Hashable {
    /// Namespaces that are wanted now, not wanted any more, or wanted otherwise.
    public var namespaces: Set<String> = []
    /// Project-domains of which something else is to be said.
    public var projectDomains: Set<ProjectDomain> = []
    /// By object name: objects that changed, or of which something else is to be said.
    public var dataPlanes: Set<String> = []
    public var executionLabels: Set<String> = []
    public var assignments: Set<String> = []
    public var projects: Set<String> = []
    /// What all data planes have in common changed: settings, templates, the registry's sources.
    public var isCommon = false

    public init() {}
    public var isEmpty: Bool { self == PlanDiff() }
}
