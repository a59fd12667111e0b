/// What the control plane's queue holds: the keys of the controllers.
enum Work: Sendable, Hashable {
    /// Update the plan from what changed, and wake the keys that it touches.
    case plan
    case dataPlane(String)
    case executionLabel(String)
    case assignment(String)
    case project(String)
    case registry(String)
    /// What is published for flyteadmin.
    case publishing
    /// Which data planes get a change of templates or values next.
    case stagedRollout
    /// The ClusterProfiles, from which other controllers read about our data planes.
    case clusterProfiles
    /// Drop what is known of objects that are gone, and give back the memory that a burst took.
    case tidying
    /// Somebody wants that key looked at now, with everything that it waits for.
    indirect case requested(Work)
}
