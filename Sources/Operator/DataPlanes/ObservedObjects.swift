import ControlLoop
import Fleet
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
    /// Of a Namespace: whose it is.
    var standing: NamespaceStanding?
    /// Whether we have applied it: the labels alone could have been put on by anybody.
    var isApplied = false
    /// Another manager has labelled it `managed-by`.
    var keepsManagedBy = false
    /// Managers of Flyte own some of what we have applied.
    var isShared = false
    /// In Observe: what an apply would change. Nil where nothing would be, or where it can't be told from what was seen.
    var comparison: Comparison?

    /// The registry that its annotation names, where that isn't ours.
    var foreignOwner: String? { if case .foreign(let owner)? = standing { owner } else { nil } }
    /// How it is applied.
    var form: AppliedForm {
        AppliedForm(keepsManagedBy: keepsManagedBy, adoptedFromFlyte: standing?.isFromFlyte ?? false)
    }
}

/// The managed objects of one type in one data plane, from two sources: the watch, and the answers to our own writes.
///
/// An answer usually comes before the watch reports the same write. Without it, the next look would find the object
/// missing and write it again. So an answer counts until the watch has come to that version, or has listed anew; and one
/// that comes later than that doesn't count at all, since the object may have been changed or deleted since, and nobody
/// would tell of it again. (resourceVersions compare as numbers: documented from Kubernetes 1.35 on, true of every server
/// before.)
final class ObservedObjects: Sendable {
    /// The list that what is kept goes back to: an answer counts only if the write began after it.
    typealias Listing = UInt64

    private struct Answers {
        var objects: [ObjectKey: ObservedObject] = [:]
        var listing: Listing = 0
        /// The highest version that an event has shown since that list, of any object.
        var shown: UInt64 = 0
    }

    let store = Store<ObservedObject>()
    private let answers = Locked(Answers())
    private let places = Locked<[String: Set<ObjectKey>]>([:])

    init() {
        store.subscribe { [weak self] change in
            guard let self else { return }
            index(change)
            // Of one that was deleted, the last version that was shown.
            let version = change.lastValue.version
            answers.withLock { answers in
                if change.origin == .event { answers.shown = max(answers.shown, version ?? 0) }
                if let answer = answers.objects[change.key], (answer.version ?? 0) <= (version ?? .max) {
                    answers.objects[change.key] = nil
                }
            }
        }
    }

    /// To be taken before a write, for `answered`.
    var listing: Listing { answers.withLock { $0.listing } }

    /// The server answered a write, begun when the list was that one, with this state. False where that may be overtaken,
    /// and no event tells: the object has to be looked at again.
    func answered(_ object: ObservedObject, _ key: ObjectKey, since listing: Listing) -> Bool {
        guard let version = object.version else { return true }
        return answers.withLock { answers in
            guard answers.listing == listing else { return false }
            // Otherwise the watch was there already, and the change was told as any other.
            if version > max(answers.shown, store[key]?.version ?? 0) { answers.objects[key] = object }
            return true
        }
    }

    /// The object was read by itself, at the version that is known of it or a later one.
    func looked(_ object: ObservedObject, _ key: ObjectKey) {
        guard let version = object.version else { return }
        answers.withLock { answers in
            let known = answers.objects[key] ?? store[key]
            if version >= known?.version ?? 0 { answers.objects[key] = object }
        }
    }

    subscript(key: ObjectKey) -> ObservedObject? { answers.withLock { $0.objects[key] } ?? store[key] }

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
            defer { answers = Answers(listing: answers.listing + 1) }
            return Set(answers.objects.values.map(\.place))
        }
    }
}
