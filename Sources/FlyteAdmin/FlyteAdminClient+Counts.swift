import JSON
import Support

extension FlyteAdminClient {
    /// The phases of executions that have not ended.
    static let unfinishedPhases = ["UNDEFINED", "QUEUED", "RUNNING", "SUCCEEDING", "FAILING", "ABORTING"]
    /// How many clusters fit into the URL of one question.
    static let clustersAtATime = 40
    /// The most executions that are counted in a project-domain. What matters is whether there are any, and roughly how
    /// many.
    static let mostCounted = 10_000

    /// How many executions of a project-domain have not ended, by cluster. Clusters without any are left out.
    /// flyteadmin lists executions only by project-domain. The count stops at some 10,000 for each 40 clusters, so a larger
    /// number is too low. A cluster that such a count did not reach is asked about alone, so no cluster with executions is missing.
    public func unfinishedExecutions(
        on clusters: [String], project: String, domain: String
    ) async throws(FlyteAdminError) -> [String: Int] {
        var counts: [String: Int] = [:]
        var rest = clusters.sorted()[...]
        while !rest.isEmpty {
            let some = Array(rest.prefix(Self.clustersAtATime))
            rest = rest.dropFirst(some.count)
            var (found, isWhole) = try await unfinished(on: some, project, domain)
            if !isWhole, some.count > 1 {
                for cluster in some where found[cluster] == nil {
                    found.merge(try await unfinished(on: [cluster], project, domain).counts) { $0 + $1 }
                }
            }
            counts.merge(found) { $0 + $1 }
        }
        return counts
    }

    /// Each domain of each project, also of archived ones, since their executions may go on.
    public func everyProjectDomain() async throws(FlyteAdminError) -> [(project: String, domain: String)] {
        let lists = [
            try await projects(),
            try await projects("&filters=" + "eq(state,1)".percentEncoded, "list the archived projects"),
        ]
        let all = lists.flatMap { $0.active + $0.archivedProjects }
        let domains = Dictionary(all.map { ($0.id, $0.domains) }) { first, _ in first }
        return domains.sorted { $0.key < $1.key }.flatMap { project, domains in domains.map { (project, $0) } }
    }

    /// - Returns: `isWhole` is false if the count stopped before the end of the list.
    private func unfinished(
        on clusters: [String], _ project: String, _ domain: String
    ) async throws(FlyteAdminError) -> (counts: [String: Int], isWhole: Bool) {
        let operation = "list the executions of " + ServerText.clean("\(project)/\(domain)")
        let segments = [project, domain].compactMap(PathSegment.encode)
        guard segments.count == 2 else {
            throw FlyteAdminError(.refused, operation: operation, message: "such a name can't be in a URL")
        }
        let path =
            "/api/v1/executions/" + segments.joined(separator: "/")
            + "?limit=\(options.pageSize)&filters=" + Self.filter(clusters).percentEncoded
        var counts: [String: Int] = [:]
        var (token, total, isWhole) = ("", 0, false)
        while total < Self.mostCounted {
            let tail = token.isEmpty ? "" : "&token=" + token.percentEncoded
            guard let page = Answers.executions(try await json(.get, path + tail, nil, operation)) else {
                throw FlyteAdminError(
                    .unreachable, operation: operation, message: "the answer is not flyteadmin's: it has no executions")
            }
            for cluster in page.clusters {
                // If only one cluster was asked for, it is that one. An old flyteadmin may not name it.
                counts[clusters.count == 1 ? clusters[0] : cluster, default: 0] += 1
            }
            total += page.clusters.count
            if page.token.isEmpty || page.clusters.isEmpty {
                isWhole = true
                break
            }
            token = page.token
        }
        return (counts.filter { clusters.contains($0.key) }, isWhole)
    }

    /// In flyteadmin's form of filters: a plus between two filters, a semicolon between values.
    static func filter(_ clusters: [String]) -> String {
        let cluster =
            clusters.count == 1 ? "eq(cluster,\(clusters[0]))" : "value_in(cluster,\(clusters.joined(separator: ";")))"
        return cluster + "+value_in(phase,\(unfinishedPhases.joined(separator: ";")))"
    }
}

extension Answers {
    /// A page of executions: the cluster of each, and the token of the next page. Nil if the answer is not such a page.
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
