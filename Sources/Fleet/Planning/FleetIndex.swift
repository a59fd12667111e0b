/// Which objects concern which project-domain and namespace. It spares the planner a walk through the snapshot.
struct FleetIndex: Sendable {
    /// What wants a project-domain.
    enum Claimant: Sendable, Hashable {
        case project(String)
        case assignment(String)
        case flyteAdmin
    }
    var claimants: [ProjectDomain: Set<Claimant>] = [:]
    /// The FlyteProjects of each project.
    var projectsOf: [String: Set<String>] = [:]
    /// The project-domains that a project's FlyteProject in force claims.
    var claimedBy: [String: Set<ProjectDomain>] = [:]
    /// All wanted project-domains of a project.
    var wantedOf: [String: Set<ProjectDomain>] = [:]
    private(set) var assignmentsOfRow: [AdminRowKey: Set<String>] = [:]
    private(set) var assignmentsOf: [ProjectDomain: Set<String>] = [:]
    /// The assignments of whole projects. They want no namespace. A project-domain without its own label gets its
    /// project's.
    private(set) var assignmentsOfProject: [String: Set<String>] = [:]
    /// The project-domains of each namespace.
    var sharers: [String: Set<ProjectDomain>] = [:]
    /// The namespaces with more than one project-domain.
    var shared: Set<String> = []

    /// Takes an assignment in, or out.
    mutating func assign(_ object: ExecutionClusterLabel, isWanted: Bool) {
        let (name, row) = (object.metadata.name, AdminRowKey(object.spec))
        if isWanted {
            assignmentsOfRow[row, default: []].insert(name)
        } else {
            assignmentsOfRow.remove(name, from: row)
        }
        switch (object.spec.projectDomain, isWanted) {
        case (let key?, true):
            claimants[key, default: []].insert(.assignment(name))
            assignmentsOf[key, default: []].insert(name)
        case (let key?, false):
            claimants.remove(.assignment(name), from: key)
            assignmentsOf.remove(name, from: key)
        case (nil, true): assignmentsOfProject[row.project, default: []].insert(name)
        case (nil, false): assignmentsOfProject.remove(name, from: row.project)
        }
    }

    /// Replaces what a project's FlyteProject claims.
    /// - Parameters:
    ///   - before: the FlyteProject that was in force.
    ///   - domains: the domains of the one that is in force now. Nil if there is none.
    /// - Returns: the project-domains that were or are claimed.
    mutating func claim(
        _ project: String, before: String?, now inForce: (name: String, domains: [String])?
    ) -> Set<ProjectDomain> {
        var touched = claimedBy.removeValue(forKey: project) ?? []
        if let before { for key in touched { claimants.remove(.project(before), from: key) } }
        guard let inForce else { return touched }
        for domain in inForce.domains {
            let key = ProjectDomain(project: project, domain: domain)
            claimants[key, default: []].insert(.project(inForce.name))
            claimedBy[project, default: []].insert(key)
            touched.insert(key)
        }
        return touched
    }
}

extension Dictionary {
    /// Removes an element from a set, and an empty set from the dictionary.
    mutating func remove<Element: Hashable>(_ element: Element, from key: Key) where Value == Set<Element> {
        self[key]?.remove(element)
        if self[key]?.isEmpty == true { self[key] = nil }
    }
}
