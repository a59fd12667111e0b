import Kube

/// What a watcher tells its observer about itself, for conditions, logs and metrics.
public enum WatcherStatus: Sendable {
    /// A complete list is visible in the store. `afterWatchFailure`: the last failure was a watch's. Whether that is over,
    /// a list can't say; `following` does.
    case synced(objects: Int, afterWatchFailure: Bool)
    /// The server has answered a watch: changes are followed from here.
    case connected
    /// A watch has proved itself: by its first event or bookmark, or (told when it fails or ends) by having stood for long.
    /// An answer alone proves nothing: there are proxies that say 200 and then nothing of use.
    case following
    /// `attempts` failures in a row, the last of them `error`; the next attempt is in `retryIn`. The store stays as it is.
    case failing(error: KubeError, attempts: Int, retryIn: Duration)
    /// No event and no bookmark for `after`: the watch is replaced at once, by a list where it never had any.
    case silent(after: Duration)
    /// A list that would remove in bulk, or that is older than what was seen, is not believed yet; `confirmations` more
    /// lists have said the same. The store stays as it is.
    case suspicious(ListSuspicion, confirmations: Int)
    /// The same was said often enough: the list is believed. `synced` follows.
    case confirmed(ListSuspicion)
    case paused
}
