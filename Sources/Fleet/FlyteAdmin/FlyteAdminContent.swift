/// What a command has read in flyteadmin itself.
public struct FlyteAdminContent: Sendable, Hashable {
    /// Nil if the settings don't ask for them, or if they could not be read.
    public var projects: DiscoveredProjects?
    /// Nil if the settings don't ask for them, or if they could not be read.
    public var attributes: ClusterResourceAttributes?
    /// Why something could not be read.
    public var problem: String?

    public init(
        projects: DiscoveredProjects? = nil, attributes: ClusterResourceAttributes? = nil, problem: String? = nil
    ) {
        (self.projects, self.attributes, self.problem) = (projects, attributes, problem)
    }
}
