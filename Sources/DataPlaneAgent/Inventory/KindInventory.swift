import ControlLoop
import Fleet
import KubeObjects
import Support

/// The managed objects of one type in one data plane, from two sources: the watch, and the answers to our own writes.
///
/// An answer usually comes before the watch reports the same write. Without it, the next look would find the object
/// missing and write it again. So an answer counts until the watch has reached its version or has listed again. An
/// answer that comes later than that does not count: the object may have been changed or deleted since, and no event
/// would report that again. (resourceVersions compare as numbers. Kubernetes documents that from 1.35 on, and it holds
/// for every earlier server.)
final class KindInventory: Sendable {
    /// Names the list behind the kept objects. An answer counts only if its write began after that list.
    typealias Listing = UInt64

    private struct Answers {
        var objects = OwnWrites<ObjectKey, InventoryEntry>()
        var listing: Listing = 0
        /// The highest version of any object that an event has shown since that list.
        var shown: UInt64 = 0
    }

    let store = Store<InventoryEntry>()
    private let answers = Locked(Answers())
    /// The objects at each place. Nil until it is asked for: only pruning and Observe need it.
    private let places = Locked<[String: Set<ObjectKey>]?>(nil)

    init() {
        store.subscribe { [weak self] change in
            guard let self else { return }
            index(change)
            // For a deleted object, this is the last version that was shown.
            let version = change.lastValue.version
            answers.withLock { answers in
                if change.origin == .event { answers.shown = max(answers.shown, version ?? 0) }
                answers.objects.shown(change.key, version: version ?? .max)
            }
        }
    }

    /// Read it before a write, and pass it to `answered`.
    var listing: Listing { answers.withLock { $0.listing } }

    /// Takes the server's answer to a write that began when the list was `listing`. False if the answer may be outdated
    /// and no event will say so. Then the object must be looked at again.
    func answered(_ object: InventoryEntry, _ key: ObjectKey, since listing: Listing) -> Bool {
        guard let version = object.version else { return true }
        return answers.withLock { answers in
            guard answers.listing == listing else { return false }
            // Otherwise the watch was faster and has reported the change.
            if version > max(answers.shown, store[key]?.version ?? 0) {
                answers.objects.wrote(object, key, version: version)
            }
            return true
        }
    }

    /// The object was read by itself. The result counts if it is not older than what is known.
    func looked(_ object: InventoryEntry, _ key: ObjectKey) {
        guard let version = object.version else { return }
        answers.withLock { answers in
            let known = answers.objects.last(key)?.version ?? store[key]?.version
            if version >= known ?? 0 { answers.objects.wrote(object, key, version: version) }
        }
    }

    subscript(key: ObjectKey) -> InventoryEntry? { answers.withLock { $0.objects.last(key)?.value } ?? store[key] }

    /// The objects that the watch has shown at a place.
    func objects(at place: String) -> [ObjectKey] {
        places.withLock { known in
            if let known { return Array(known[place] ?? []) }
            // A change that comes meanwhile is told afterwards. To note it twice is the same as once.
            var places: [String: Set<ObjectKey>] = [:]
            for (key, object) in store.snapshot ?? [:] { places[object.place, default: []].insert(key) }
            known = places
            return Array(places[place] ?? [])
        }
    }

    private func index(_ change: StoreChange<InventoryEntry>) {
        places.withLock { known in
            guard var places = known.take() else { return }
            defer { known = places }
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

    /// Drops the answers, since a list has just shown all objects. Returns their places. The list may be older than the
    /// last of these writes, so these places must be looked at again.
    func listedAnew() -> Set<String> {
        answers.withLock { answers in
            defer { answers = Answers(listing: answers.listing + 1) }
            return Set(answers.objects.values.map(\.place))
        }
    }
}
