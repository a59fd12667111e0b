import ControlLoop
import Kube
import KubeObjects
import Support

/// Stands between the watch of a kind and the store that everything else reads. A deleted object leaves that store only
/// when it is certain that its kind was not deleted with it (`Departures`).
final class DeletionHold<Value: Sendable>: Sendable {
    /// The watcher writes this store.
    let feed = Store<Value>()
    private let store: Store<Value>
    private let kind: String
    private let missing: MissingKinds
    private let timeline: Timeline
    private let isSameClaim: @Sendable (Value, Value) -> Bool
    /// The lock is held while the store is written, because the store has one writer at a time. Its handlers must only
    /// note and enqueue.
    private let state: Locked<Departures<Value>>
    private let signal = Signal()
    /// Called with an object's name when it is deleted, and when it comes back.
    let observers = Observers<String>()

    init(
        of kind: String, into store: Store<Value>, grace: Duration, missing: MissingKinds,
        timeline: Timeline = .continuous, isSameClaim: @escaping @Sendable (Value, Value) -> Bool = { _, _ in false }
    ) {
        self.kind = kind
        self.store = store
        self.missing = missing
        self.timeline = timeline
        self.isSameClaim = isSameClaim
        state = Locked(Departures(grace: grace))
        feed.subscribe { [weak self] change in
            // A list counts as a whole, once it is complete.
            guard change.origin == .event else { return }
            switch change.kind {
            case .added(let value), .updated(_, let value): self?.take(.set(change.key, value))
            case .deleted: self?.take(.remove(change.key))
            }
        }
    }

    /// Whether the object was deleted although the store still has it.
    func hasGone(_ key: ObjectKey) -> Bool { state.withLock { $0.gone[key] != nil } }

    /// Whether the watch waits before its next attempt. Then it does not know the present objects.
    private let isWatchFailing = Locked(false)

    /// Takes a status of the watcher.
    func watch(became status: WatcherStatus) {
        switch status {
        case .failing: isWatchFailing.withLock { $0 = true }
        case .synced, .connected, .following: isWatchFailing.withLock { $0 = false }
        default: break
        }
        switch status {
        case .synced: if let snapshot = feed.snapshot { take(.replace(snapshot)) }
        case .failing(let error, _, _) where error.isNotServed:
            change { departures, now in
                departures.kindIsMissing(now: now)
                return []
            }
        default: break
        }
    }

    private func take(_ update: StoreUpdate<Value>) {
        change { departures, now in
            departures.take(update, held: store.snapshot, now: now, isSameClaim: isSameClaim)
        }
    }

    private func change(_ body: (inout Departures<Value>, Duration) -> [StoreUpdate<Value>]) {
        let (names, isMissing) = state.withLock { departures in
            let before = departures.gone
            for update in body(&departures, timeline.now) { store.apply(update) }
            let after = departures.gone
            let changed = Set(before.keys).symmetricDifference(after.keys)
            return (changed.map(\.name), departures.isKindMissing)
        }
        missing.set(kind, isMissing)
        signal.advance()
        for name in names { observers.tell(name) }
    }

    /// Lists when a list is due, until the task is cancelled.
    /// - Parameter poke: makes the watch try again at once.
    func run(
        poke: @escaping @Sendable () -> Void = {}, _ list: @escaping @Sendable () async throws(KubeError) -> Void
    ) async {
        while !Task.isCancelled {
            let seen = signal.generation
            let due = state.withLock { $0.nextLook }
            guard let due, due <= timeline.now else {
                await signal.wait(past: seen, until: due, on: timeline)
                continue
            }
            let start = timeline.now
            do throws(KubeError) {
                try await list()
                // The kind is back. Its objects are known only when the watch has listed them.
                let isBlind = isWatchFailing.withLock { $0 }
                if isBlind { poke() }
                change { departures, now in
                    guard isBlind else { return departures.listed(start: start, now: now) }
                    departures.failed(now: now)
                    return []
                }
            } catch {
                if Task.isCancelled { return }
                change { departures, now in
                    if error.isNotServed { departures.kindIsMissing(now: now) } else { departures.failed(now: now) }
                    return []
                }
            }
        }
    }
}

/// The kinds of custom resources that the control plane's API server does not have at the moment.
final class MissingKinds: Sendable {
    private let kinds = Locked<Set<String>>([])
    /// Called when `names` may have changed.
    let observers = Observers<Void>()

    /// Sorted.
    var names: [String] { kinds.withLock { $0.sorted() } }

    func set(_ kind: String, _ isMissing: Bool) {
        let isNews = kinds.withLock { isMissing ? $0.insert(kind).inserted : $0.remove(kind) != nil }
        if isNews { observers.tell() }
    }

    /// Nil while every kind exists.
    var summary: String? {
        let names = names
        guard !names.isEmpty else { return nil }
        return
            "the API server does not have the kind \(names.joined(separator: ", ")) (its CRD was deleted): everything "
            + "that its objects describe stays as it was, until the CRD is back. Apply manifests/crds, then the objects"
    }
}
