import Kube
import KubeObjects

/// What a `WatcherState` is told and says, and what it keeps of where it is.
extension WatcherState {
    /// A page, already projected; what the projection left out is not in it.
    struct Page: Sendable {
        var items: [(key: ObjectKey, value: Value)]
        var resourceVersion: String
        var continueToken: String?
    }

    enum Event: Sendable {
        /// Without a value: the projection leaves it out (no longer wanted), so it goes.
        case applied(ObjectKey, Value?, resourceVersion: String?)
        case deleted(ObjectKey, resourceVersion: String?)
        case bookmark(resourceVersion: String)
    }

    /// Names one step: answers come with the ticket of the step they answer.
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
        /// After a failure, or between the lists that have to confirm a suspicion.
        case waiting(until: Duration, then: Errand)
        /// A list comes after it, with that doubt.
        case paused(Doubt?)
    }

    /// What comes next where nothing is under way.
    enum Errand: Sendable {
        /// With the doubt that the list has to confirm or to clear.
        case list(Doubt?)
        case watch(from: String)
    }

    struct Listing: Sendable {
        var buffer: [ObjectKey: Value] = [:]
        /// Of the first page: the watch starts there, so it can't miss what happened while later pages were read.
        var resourceVersion: String?
        var continueToken: String?
        var pages = 0
        var doubt: Doubt?
    }

    struct Watching: Sendable {
        var resourceVersion: String
        let openedAt: Duration
        var heardAt: Duration
        /// The server has answered.
        var isOpen = false
        /// By an event or a bookmark, the server has shown that it is at the version that the watch started from.
        var hasProvedItself = false
        /// The resourceVersion has moved since it was opened.
        var hasMoved = false
    }

    struct Doubt: Sendable {
        var suspicion: ListSuspicion
        var confirmations: Int
        /// A list before this time does not count.
        var notBefore: Duration
    }
}
