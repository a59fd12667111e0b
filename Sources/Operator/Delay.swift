/// Every delay of the control plane's queue and of the statuses.
///
/// All are durations on the monotonic clock: a calendar that is set back holds nothing back. `StatusPolicy` decides by them.
/// The delays within one data plane are the agent's own.
enum Delay {
    // MARK: Coalescing: one reconciliation for many changes

    /// A cold sync is a few writes to each object, not one for each namespace.
    static let coalescing = Duration.milliseconds(200)
    /// The same while a data plane has much to do: syncing goes before writing statuses.
    static let coalescingWhileBusy = Duration.seconds(1)
    /// Other controllers see only the settled state of a data plane in its ClusterProfile.
    static let coalescingForProfiles = Duration.seconds(1)
    /// All changes of one `kubectl apply` of a folder are one reconciliation with flyteadmin.
    static let coalescingForFlyteAdmin = Duration.milliseconds(50)
    /// Data planes that become due for a count of executions together are one round of questions.
    static let coalescingForCounts = Duration.seconds(2)
    /// How long the configuration must be unchanged before flyteadmin is restarted for it.
    static let beforeRestart = Duration.seconds(3)

    // MARK: Patience: how long a status waits for what is not known yet

    /// A first status waits for a result, and a registry for what is published of its generation.
    static let patienceForResult = Duration.seconds(2)
    /// After a start, statuses of an earlier run wait for flyteadmin's first answer.
    static let patienceForFlyteAdmin = Duration.seconds(3)
    /// After a start, the registry's status waits until every object has been reconciled.
    static let patienceForFleet = Duration.seconds(15)
    /// How often a status that waits for a result is tried.
    static let nextLookAtResult = Duration.milliseconds(500)

    /// A first count of executions waits while flyteadmin is rolled out.
    static let patienceForRollout = Duration.seconds(120)
    /// After how long flyteadmin is asked again if it could not be asked.
    static let nextQuestionToFlyteAdmin = Duration.seconds(5)

    // MARK: Control plane

    /// After how long we ask again for the UID of our own Namespace: the first time, and at most.
    static let nextQuestionForIdentity = (first: Duration.milliseconds(200), longest: Duration.seconds(5))
    /// After how long a missing kind is reported on the registry again.
    static let nextLookAtMissingKinds = Duration.seconds(3)
    /// How long a kind that was missing at the start must be back before an absent object counts as deleted.
    static let afterReturnOfKinds = Duration.seconds(60)
    /// Credentials are read again at least this often, since somebody may set the calendar meanwhile.
    static let nextLookAtCredentials = Duration.seconds(300)

    // MARK: Memory

    static let tidying = Duration.seconds(1)
    /// The same while a data plane has something to do.
    static let tidyingWhilePending = Duration.seconds(5)

    // MARK: Writes

    /// How long our own ConfigMap is assumed to exist although the watch shows none.
    static let beliefInOwnWrite = Duration.seconds(5)
    /// The delay of a write that the server refused for good.
    static let afterRefusal = Duration.seconds(60)
}
