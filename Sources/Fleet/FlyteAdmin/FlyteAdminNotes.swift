/// The ConfigMaps in which the operator notes what it owns in flyteadmin, and what it has read there.
public enum FlyteAdminNotes {
    public static let taskResources = "squadron-published-task-resources"
    public static let executionConfigs = "squadron-published-execution-configs"

    public static let configMapNames = [
        PublishedRows.configMapName, taskResources, executionConfigs, DiscoveredProjects.configMapName,
        ClusterResourceAttributes.configMapName,
    ]
}
