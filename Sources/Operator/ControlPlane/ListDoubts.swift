import ControlLoop
import Support

/// The lists of the control plane that are not believed at the moment, and why. The informers are then older than they
/// look. The ClusterRegistry's status shows them.
final class ListDoubts: Sendable {
    private let state = Locked<[String: String]>([:])
    /// Called when `summary` may have changed.
    let observers = Observers<Void>()

    /// Takes a status of a watch. `list` is for example `dataplanes` or `secrets/cluster-credentials`.
    /// - Parameter isHeld: whether an earlier list is in use. Then a refusal would leave it in use without any sign.
    func watch(of list: String, isHeld: Bool, became status: WatcherStatus) {
        switch status {
        case .suspicious(let suspicion, _): set(list, "\(suspicion)")
        // An unreadable answer, or a right that was taken away. Without any answer we could not write a status either.
        case .failing(let error, let attempts, _)
        where attempts >= Self.failuresToTell && (error.isUnexpectedAnswer || isHeld && error.isForbidden):
            set(list, error.description)
        // If lists are good but every watch gets nonsense, the doubt must not come and go with each list.
        case .synced(objects: _, afterWatchFailure: false), .following: set(list, nil)
        case .synced, .connected, .failing, .full, .cut, .silent, .confirmed, .paused: break
        }
    }

    /// A single watch that was cut off in the middle of a line must not cause a doubt. If it did, a minute could pass
    /// (until a bookmark) before the doubt is known to be over.
    private static let failuresToTell = 3

    /// That list is no longer read.
    func forget(_ list: String) { set(list, nil) }

    /// Nil while all lists are believed.
    var summary: String? {
        let doubts = state.withLock { $0 }.sorted { $0.key < $1.key }
        guard let first = doubts.first else { return nil }
        let more = doubts.count > 1 ? ", and \(doubts.count - 1) more" : ""
        return
            "the control plane's list of \(first.key) is not believed: \(first.value)\(more); the earlier list stays in use"
    }

    private func set(_ list: String, _ text: String?) {
        let isNews = state.withLock { state in
            defer { state[list] = text }
            return state[list] != text
        }
        if isNews { observers.tell() }
    }
}
