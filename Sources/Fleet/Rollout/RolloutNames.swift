import KubeObjects

/// The names by which other programs find and control a staged rollout.
public enum RolloutNames {
    /// On each of our ControllerRevisions. Its value is the registry's name.
    public static let label = "multicluster.flyte.org/rollout"
    /// On the newest ControllerRevision: the revision of each data plane.
    public static let state = "multicluster.flyte.org/rollout-state"
    /// On the registry: any new value ends the pauses after failures and deadlines.
    public static let resumedAt = "multicluster.flyte.org/rollout-resumed-at"
    /// On the registry: the revision to which all data planes return until the next change. After a slash comes any
    /// text that makes the value differ from the one before.
    public static let pinned = "multicluster.flyte.org/rollout-pinned"

    /// The revision in a value of `pinned`. Nil for a text that does not begin with a number.
    public static func revision(pinnedBy text: String) -> Int64? {
        text.split(separator: "/", omittingEmptySubsequences: false).first.flatMap { Int64($0) }
    }
}

extension ResourceType {
    /// The kind that stores a revision of templates and values.
    public static let controllerRevisions = ResourceType(
        group: "apps", version: "v1", kind: "ControllerRevision", plural: "controllerrevisions", isNamespaced: true)
}
