import Kube
import KubeObjects

/// The inputs, outputs and states of a `WatcherState`.
extension WatcherState {
    /// A page after projection, without the objects that the projection leaves out.
    struct Page: Sendable {
        var items: [(key: ObjectKey, value: Value)]
        var resourceVersion: String
        var continueToken: String?
    }

    enum Event: Sendable {
        /// Without a value, the projection leaves the object out (it is no longer wanted), so it is removed.
        case applied(ObjectKey, Value?, resourceVersion: String?)
        case deleted(ObjectKey, resourceVersion: String?)
        case bookmark(resourceVersion: String)
    }

    /// The name of one step. An answer comes with the ticket of its step.
    typealias Ticket = UInt64

    enum Step: Sendable {
        case list(continueToken: String?, Ticket)
        case watch(from: String, Ticket)
        case wait(until: Duration)
        case park
    }

    enum Output: Sendable {
        case update(StoreUpdate<Value>)
        case status(WatcherStatus)
    }

    enum State: Sendable {
        case ready(Errand)
        case listing(Listing)
        case watching(Watching)
        /// It waits after a failure, or between the lists that must confirm a suspicion.
        case waiting(until: Duration, then: Errand)
        /// It is paused. A list with that doubt follows.
        case paused(ListDoubt?)
    }

    /// What comes next if nothing is under way.
    enum Errand: Sendable {
        /// A list, with the doubt that it must confirm or clear.
        case list(ListDoubt?)
        case watch(from: String)
    }

    struct Listing: Sendable {
        var buffer: [ObjectKey: Value] = [:]
        /// The version of the first page. The watch starts there, so it can't miss what happens while later pages are
        /// read.
        var resourceVersion: String?
        var continueToken: String?
        var pages = 0
        var doubt: ListDoubt?
    }

    struct Watching: Sendable {
        var resourceVersion: String
        let openedAt: Duration
        var heardAt: Duration
        /// The server has answered.
        var isOpen = false
        /// Whether an event or a bookmark has shown that the server is at the version from which the watch started.
        var hasProvedItself = false
        /// Whether the resourceVersion has moved since the watch was opened.
        var hasMoved = false
    }
}
