import Fleet
import FlyteAdmin

/// What is read from flyteadmin at each poll, remembered, and kept in force while it can't be asked: its projects and its
/// CLUSTER_RESOURCE attributes, each where the settings ask for it.
struct FlyteAdminReadings {
    private var projects: ProjectDiscovery
    private var attributes: ClusterResourceReading
    private var wantsProjects = false
    private var wantsAttributes = false
    /// They were asked for before anything else, so that the poll which follows need not.
    private var hasAttributes = false

    init(projects: ProjectDiscovery, attributes: ClusterResourceReading) {
        (self.projects, self.attributes) = (projects, attributes)
    }

    /// Ends what the settings don't ask for, and recalls what an earlier process read of the rest. True where that is news.
    mutating func follow(_ admin: FlyteAdmin?) async -> Bool {
        wantsProjects = admin?.projectDiscovery == true
        wantsAttributes = admin?.clusterResourceAttributes == .use
        if !wantsProjects { projects.end() }
        if !wantsAttributes { attributes.end() }
        let recalledProjects = wantsProjects ? await projects.recall() : false
        let recalledAttributes = wantsAttributes ? await attributes.recall() : false
        return recalledProjects || recalledAttributes
    }

    /// Another flyteadmin, or another way to it.
    mutating func startAnew() {
        projects.startAnew()
        attributes.startAnew()
    }

    /// A project was registered: it is looked for at once.
    mutating func projectsChanged() { projects.askAgain() }

    /// Whether flyteadmin should be asked without waiting for the next poll.
    var isFirst: Bool { (wantsProjects && projects.isFirstSearch) || (wantsAttributes && attributes.isFirst) }
    /// Nothing can be rendered before flyteadmin has answered.
    var isAwaited: Bool { wantsAttributes && attributes.isAwaited }

    /// What all project-domains wait for. True where the answer is news.
    mutating func lookAtAttributes(_ client: FlyteAdminClient) async -> Bool {
        hasAttributes = true
        return await attributes.look(client)
    }

    /// - Parameter isPoll: else only what has not been read yet.
    /// - Returns: whether the answers are news.
    mutating func look(_ client: FlyteAdminClient, isPoll: Bool) async -> Bool {
        var isNews = false
        defer { hasAttributes = false }
        if wantsAttributes, (isPoll && !hasAttributes) || attributes.isFirst { isNews = await attributes.look(client) }
        if wantsProjects, isPoll || projects.isFirstSearch, await projects.look(client) { isNews = true }
        return isNews
    }
}
