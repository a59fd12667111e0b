import ControlLoop
import Support

/// Which lists of the control plane are not believed at the moment, and why: what is in the caches is older then than it
/// looks. For the ClusterRegistry's status.
final class ListDoubts: Sendable {
    private let state = Locked<[String: String]>([:])
    /// Told when `summary` may be another.
    let observers = Observers<Void>()

    /// Takes in what a watch says of itself. `list`: `dataplanes`, `secrets/cluster-credentials`.
    /// - Parameter isHeld: an earlier list is in use, so that a refusal leaves it as it is without anybody seeing it.
    func watch(of list: String, isHeld: Bool, became status: WatcherStatus) {
        switch status {
        case .suspicious(let suspicion, _): set(list, "\(suspicion)")
        // An answer that is none, or a right that was taken away. Where there is no answer at all, nothing can be said in a
        // status either.
        case .failing(let error, let attempts, _)
        where attempts >= Self.failuresToTell && (error.isUnexpectedAnswer || isHeld && error.isForbidden):
            set(list, error.description)
        // Where lists are good and each watch is answered with nonsense, the doubt must not come and go with each list.
        case .synced(objects: _, afterWatchFailure: false), .following: set(list, nil)
        case .synced, .connected, .failing, .full, .cut, .silent, .confirmed, .paused: break
        }
    }

    /// One watch that was cut off in the middle of a line is no doubt; and where it is one, it may be a minute (until a
    /// bookmark) before it is known to be over.
    private static let failuresToTell = 3

    /// The list is of no interest any more.
    func forget(_ list: String) { set(list, nil) }

    /// Nil while all of them are believed.
    var summary: String? {
        let doubts = state.withLock { $0 }.sorted { $0.key < $1.key }
        guard let first = doubts.first else { return nil }
        let more = doubts.count > 1 ? ", and \(doubts.count - 1) more" : ""
        return
            "the control plane's list of \(first.key) is not believed: \(first.value)\(more); what was known before holds"
    }

    private func set(_ list: String, _ text: String?) {
        let isNews = state.withLock { state in
            defer { state[list] = text }
            return state[list] != text
        }
        if isNews { observers.tell() }
    }
}
