import Fleet
import FlyteAdmin

/// What is read from flyteadmin at each poll: its projects and its CLUSTER_RESOURCE attributes, if the settings ask for
/// them. Both are remembered, and stay in force while flyteadmin can't be asked.
struct FlyteAdminReadings {
    private var projects: ProjectDiscovery
    private var attributes: ClusterResourceReading
    private var wantsProjects = false
    private var wantsAttributes = false
    /// They were already asked for in this step, so the poll that follows need not ask again.
    private var hasAttributes = false

    init(projects: ProjectDiscovery, attributes: ClusterResourceReading) {
        (self.projects, self.attributes) = (projects, attributes)
    }

    /// Ends what the settings don't ask for. For the rest, takes what an earlier process read. True if that is new.
    mutating func follow(_ admin: FlyteAdmin?) async -> Bool {
        wantsProjects = admin?.projectDiscovery == true
        wantsAttributes = admin?.clusterResourceAttributes == .use
        if !wantsProjects { projects.end() }
        if !wantsAttributes { attributes.end() }
        let recalledProjects = wantsProjects ? await projects.recall() : false
        let recalledAttributes = wantsAttributes ? await attributes.recall() : false
        return recalledProjects || recalledAttributes
    }

    /// flyteadmin, or the connection to it, is another.
    mutating func startAnew() {
        projects.startAnew()
        attributes.startAnew()
    }

    /// A project was registered, so the list is read at once.
    mutating func projectsChanged() { projects.askAgain() }

    /// Whether flyteadmin should be asked without waiting for the next poll.
    var isFirst: Bool { (wantsProjects && projects.isFirstSearch) || (wantsAttributes && attributes.isFirst) }
    /// Whether nothing can be rendered before flyteadmin has answered.
    var isAwaited: Bool { wantsAttributes && attributes.isAwaited }

    /// Why the attributes could not be read. Nil if they are not asked for.
    var attributesProblem: AttributesProblem? { wantsAttributes ? attributes.problem : nil }

    /// Reads the attributes, for which all project-domains wait. True if the answer is new.
    mutating func lookAtAttributes(_ client: FlyteAdminClient) async -> Bool {
        hasAttributes = true
        return await attributes.look(client)
    }

    /// - Parameter isPoll: false reads only what has not been read yet.
    /// - Returns: whether the answers are new.
    mutating func look(_ client: FlyteAdminClient, isPoll: Bool) async -> Bool {
        var isNews = false
        defer { hasAttributes = false }
        if wantsAttributes, (isPoll && !hasAttributes) || attributes.isFirst { isNews = await attributes.look(client) }
        if wantsProjects, isPoll || projects.isFirstSearch, await projects.look(client) { isNews = true }
        return isNews
    }
}
