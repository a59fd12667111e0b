import Fleet
import FlyteAdmin

extension FlyteAdminReach {
    /// Reads the projects and attributes that these settings make the operator read.
    public func content(_ settings: FlyteAdmin) async -> FlyteAdminContent {
        var content = FlyteAdminContent()
        do throws(FlyteAdminError) {
            if settings.clusterResourceAttributes == .use {
                content.attributes = ClusterResourceAttributes(try await client.rows(.clusterResource))
            }
            if settings.projectDiscovery {
                let list = try await client.projects()
                let archived = list.archived.union((try? await client.archivedProjects()) ?? [])
                content.projects = DiscoveredProjects(list.active.map { ($0.id, $0.domains) }, archived: archived)
            }
        } catch {
            content.problem = explained(error)
        }
        return content
    }
}
