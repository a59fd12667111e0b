import KubeObjects

/// The names by which a staged rollout is found and steered from outside.
public enum RolloutNames {
    /// On each ControllerRevision of ours; its value is the registry's name.
    public static let label = "multicluster.flyte.org/rollout"
    /// On the newest ControllerRevision: which data plane has which revision.
    public static let state = "multicluster.flyte.org/rollout-state"
    /// On the registry: anything new lifts the pauses that failures and deadlines led to.
    public static let resumedAt = "multicluster.flyte.org/rollout-resumed-at"
    /// On the registry: the revision that all data planes go back to, until the next change. After a slash, whatever makes it
    /// another text than the one before.
    public static let pinned = "multicluster.flyte.org/rollout-pinned"

    /// The revision that a value of `pinned` asks for; nil for a text that begins with no number.
    public static func revision(pinnedBy text: String) -> Int64? {
        text.split(separator: "/", omittingEmptySubsequences: false).first.flatMap { Int64($0) }
    }
}

extension ResourceType {
    /// What a revision of templates and values is kept in.
    public static let controllerRevisions = ResourceType(
        group: "apps", version: "v1", kind: "ControllerRevision", plural: "controllerrevisions", isNamespaced: true)
}
