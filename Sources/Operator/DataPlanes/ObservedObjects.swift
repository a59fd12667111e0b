import ControlLoop
import KubeObjects
import Support

/// What is kept of an object in a data plane: no more than it takes to see whether it is as it should be.
struct ObservedObject: Sendable, Hashable {
    /// The namespace whose work it is a part of: its own, or for what is in none the one that it was made for.
    var place: String
    /// Nil where the server's resourceVersion is no number.
    var version: UInt64?
    /// The hash of the desired object that it was seen to satisfy; nil where it satisfied none.
    var satisfies: UInt64?
    var isTerminating = false
    /// The registry that its annotation names, where that isn't ours.
    var foreignOwner: String?
    /// Whether we have applied it: the labels alone could have been put on by anybody.
    var isApplied = false
}

/// The managed objects of one type in one data plane, from two sources: the watch, and the answers to our own writes.
///
/// An answer usually comes before the watch reports the same write. Without it, the next look would find the object
/// missing and write it again. So an answer counts until the watch has shown that version of the object or a newer one
/// (resourceVersions compare as numbers: documented from Kubernetes 1.35 on, true of every server before), or has
/// listed anew.
final class ObservedObjects: Sendable {
    let store = Store<ObservedObject>()
    private let answers = Locked<[ObjectKey: ObservedObject]>([:])
    private let places = Locked<[String: Set<ObjectKey>]>([:])

    init() {
        store.subscribe { [weak self] change in
            guard let self else { return }
            index(change)
            guard let seen = change.value else { return }
            answers.withLock { answers in
                if let answer = answers[change.key], (answer.version ?? 0) <= (seen.version ?? .max) {
                    answers[change.key] = nil
                }
            }
        }
    }

    /// The server answered a write with this state.
    func answered(_ object: ObservedObject, _ key: ObjectKey) {
        guard let version = object.version else { return }
        if let seen = store[key]?.version, seen >= version { return }
        answers.withLock { $0[key] = object }
    }

    subscript(key: ObjectKey) -> ObservedObject? { answers.withLock { $0[key] } ?? store[key] }

    /// What the watch has shown at a place.
    func objects(at place: String) -> [ObjectKey] { places.withLock { Array($0[place] ?? []) } }

    private func index(_ change: StoreChange<ObservedObject>) {
        places.withLock { places in
            func leave(_ place: String) {
                places[place]?.remove(change.key)
                if places[place]?.isEmpty == true { places[place] = nil }
            }
            switch change.kind {
            case .added(let new): places[new.place, default: []].insert(change.key)
            case .updated(let old, let new):
                guard old.place != new.place else { return }
                leave(old.place)
                places[new.place, default: []].insert(change.key)
            case .deleted(let old): leave(old.place)
            }
        }
    }

    /// Lets go of the answers, since a list has just shown all that there is; returns their places: the list may
    /// have been taken before the last of these writes, so they are to be looked at again.
    func listedAnew() -> Set<String> {
        answers.withLock { answers in
            defer { answers = [:] }
            return Set(answers.values.map(\.place))
        }
    }
}
