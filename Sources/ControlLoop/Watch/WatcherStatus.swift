import Kube

/// What a watcher tells its observer about itself, for conditions, logs and metrics.
public enum WatcherStatus: Sendable {
    /// A complete list is visible in the store.
    case synced(objects: Int)
    /// The server has answered a watch: changes are followed from here.
    case connected
    /// `attempts` failures in a row, the last of them `error`; the next attempt is in `retryIn`. The store stays as it is.
    case failing(error: KubeError, attempts: Int, retryIn: Duration)
    /// No event and no bookmark for `after`: the watch is replaced at once.
    case silent(after: Duration)
    /// A list that would remove in bulk, or that is older than what was seen, is not believed yet; `confirmations` more
    /// lists have said the same. The store stays as it is.
    case suspicious(ListSuspicion, confirmations: Int)
    /// The same was said often enough: the list is believed. `synced` follows.
    case confirmed(ListSuspicion)
    case paused
}
