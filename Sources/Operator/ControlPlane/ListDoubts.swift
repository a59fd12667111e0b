import ControlLoop
import Support

/// Which lists of the control plane are not believed at the moment, and why: what is in the caches is older then than it
/// looks. For the ClusterRegistry's status.
final class ListDoubts: Sendable {
    private let state = Locked<[String: String]>([:])
    /// Told when `summary` may be another.
    let observers = Observers<Void>()

    /// Takes in what a watch says of itself. `list`: `dataplanes`, `secrets/cluster-credentials`.
    func watch(of list: String, became status: WatcherStatus) {
        switch status {
        case .suspicious(let suspicion, _): set(list, "\(suspicion)")
        // An answer that is none. Where there is none at all, or a refusal, nothing can be said in a status either.
        case .failing(let error, _, _) where error.isUnexpectedAnswer: set(list, error.description)
        case .synced, .connected: set(list, nil)
        case .failing, .silent, .confirmed, .paused: break
        }
    }

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
