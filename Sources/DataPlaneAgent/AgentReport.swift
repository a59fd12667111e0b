import Fleet
import Support
import TokenSources

/// Everything that an agent reports about its data plane, as one value: statuses, rollouts and metrics are made from it.
package struct AgentReport: Sendable {
    /// What probes and requests have found out.
    package var facts: AgentFacts
    /// What is known of our rights: from reviews, or from our own requests if we may not ask for a review.
    package var authorization: DataPlaneFacts.Authorization
    /// Whether Namespaces and ServiceAccounts are listed, as far as the plan has them.
    package var listsEssentials: Bool
    /// The settings of the link in use.
    package var linkInUse: LinkConfiguration?
    /// What the source of the token says, if the token renews itself.
    package var credential: CredentialReport?
    /// Nil if the registry does not ask for it.
    package var flyte: FlyteHealth?
    package var progress: ProgressReport
    /// The message for surplus objects that are held back.
    package var pruneObjection: String?
    /// A deleted object that is not gone, and its namespace.
    package var endingObject: String?
    /// The revision of the settings that `progress` is about, if changes are staged.
    package var stage: Int64?
    /// Whether it has a first result: it has looked at everything once, or something prevents that.
    package var hasResult: Bool
    /// Whether it may still come to a first result soon.
    package var isSettling: Bool
    /// Whether Flyte's health there may still become known soon.
    package var isFlyteSettling: Bool

    /// Whether everything is in sync with the stage.
    package var isComplete: Bool { hasResult && progress.counts.synced == progress.counts.desired }
}

/// How far the wanted namespaces of a data plane are, all at one moment.
package struct ProgressReport: Sendable {
    package var counts = NamespaceCounts.zero
    /// Namespaces that were not looked at since the last change.
    package var pending = 0
    /// The oldest failures.
    package var failures: [FailureEntry] = []
    /// How many objects fail in all.
    package var failuresTotal = 0
    /// In Observe: what would be written.
    package var planned: PlannedChanges?
    /// When the last missing namespace last came into sync.
    package var lastComplete: Instant?
}
