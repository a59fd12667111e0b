import JSON
import Support

extension FlyteAdminClient {
    /// The phases of what has not ended.
    static let unfinishedPhases = ["UNDEFINED", "QUEUED", "RUNNING", "SUCCEEDING", "FAILING", "ABORTING"]
    /// Clusters in one question: what fits into a URL.
    static let clustersAtATime = 40
    /// Of one project-domain. What matters is whether there are any, and about how many.
    static let mostCounted = 10_000

    /// How many executions of a project-domain have not ended, by cluster. Clusters without any are left out. flyteadmin
    /// lists executions by project-domain only.
    public func unfinishedExecutions(
        on clusters: [String], project: String, domain: String
    ) async throws(FlyteAdminError) -> [String: Int] {
        var counts: [String: Int] = [:]
        var rest = clusters.sorted()[...]
        while !rest.isEmpty {
            let some = Array(rest.prefix(Self.clustersAtATime))
            rest = rest.dropFirst(some.count)
            let found = try await unfinished(on: some, project, domain)
            counts.merge(found) { $0 + $1 }
        }
        return counts
    }

    /// Each domain of each project, of archived ones as well: their executions may go on.
    public func everyProjectDomain() async throws(FlyteAdminError) -> [(project: String, domain: String)] {
        let lists = [
            try await projects(),
            try await projects("&filters=" + "eq(state,1)".percentEncoded, "list the archived projects"),
        ]
        let all = lists.flatMap { $0.active + $0.archivedProjects }
        let domains = Dictionary(all.map { ($0.id, $0.domains) }) { first, _ in first }
        return domains.sorted { $0.key < $1.key }.flatMap { project, domains in domains.map { (project, $0) } }
    }

    private func unfinished(
        on clusters: [String], _ project: String, _ domain: String
    ) async throws(FlyteAdminError) -> [String: Int] {
        let operation = "list the executions of " + ServerText.clean("\(project)/\(domain)")
        let segments = [project, domain].compactMap(PathSegment.encode)
        guard segments.count == 2 else {
            throw FlyteAdminError(.refused, operation: operation, message: "such a name can't be in a URL")
        }
        let path =
            "/api/v1/executions/" + segments.joined(separator: "/")
            + "?limit=\(options.pageSize)&filters=" + Self.filter(clusters).percentEncoded
        var counts: [String: Int] = [:]
        var (token, total) = ("", 0)
        while total < Self.mostCounted {
            let tail = token.isEmpty ? "" : "&token=" + token.percentEncoded
            guard let page = Answers.executions(try await json(.get, path + tail, nil, operation)) else {
                throw FlyteAdminError(
                    .unreachable, operation: operation, message: "the answer is not flyteadmin's: it has no executions")
            }
            for cluster in page.clusters {
                // One that was asked for alone is the one, also where an old flyteadmin does not name it.
                counts[clusters.count == 1 ? clusters[0] : cluster, default: 0] += 1
            }
            total += page.clusters.count
            if page.token.isEmpty || page.clusters.isEmpty { break }
            token = page.token
        }
        return counts.filter { clusters.contains($0.key) }
    }

    /// As flyteadmin has filters: a plus between two, a semicolon between values.
    static func filter(_ clusters: [String]) -> String {
        let cluster =
            clusters.count == 1 ? "eq(cluster,\(clusters[0]))" : "value_in(cluster,\(clusters.joined(separator: ";")))"
        return cluster + "+value_in(phase,\(unfinishedPhases.joined(separator: ";")))"
    }
}

extension Answers {
    /// A page of executions: the cluster of each, and the token of the next page. Nil where the answer is something else.
    static func executions(_ json: JSON) -> (clusters: [String], token: String)? {
        guard let members = json.object else { return nil }
        guard let list = json["executions"] else { return members.isEmpty ? ([], "") : nil }
        guard let entries = list.isNull ? [] : list.array else { return nil }
        let clusters = entries.map { entry in
            text("execution_cluster", of: member("system_metadata", of: entry["spec"]?["metadata"]))
        }
        return (clusters, text("token", of: json))
    }
}
