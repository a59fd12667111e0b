import Kube

/// What a watcher tells its observer, for conditions, logs and metrics.
public enum WatcherStatus: Sendable {
    /// A complete list is visible in the store. `afterWatchFailure` says that the last failure was a watch's. A list
    /// can't say whether that is over; `following` does.
    case synced(objects: Int, afterWatchFailure: Bool)
    /// The server has answered a watch. Changes are followed from here.
    case connected
    /// A watch has proved itself by its first event or bookmark, or by having lasted long (told when it fails or ends).
    /// An answer alone proves nothing, since some proxies say 200 and then send nothing useful.
    case following
    /// `attempts` failures in a row, the last of them `error`; the next attempt is in `retryIn`. The store stays as it is.
    case failing(error: KubeError, attempts: Int, retryIn: Duration)
    /// A list or an event brought more objects than this limit allows. `failing` follows.
    case full(objects: Int)
    /// The connection of an open watch was cut. It goes on where it was, at once.
    case cut(KubeError)
    /// There was no event and no bookmark for `after`. The watch is replaced at once, by a list if it never had any.
    case silent(after: Duration)
    /// A list would remove many objects, or is older than what was seen. It is not believed yet; `confirmations` more
    /// lists have said the same. The store stays as it is.
    case suspicious(ListSuspicion, confirmations: Int)
    /// Enough lists have said the same, so the list is believed. `synced` follows.
    case confirmed(ListSuspicion)
    case paused
}
